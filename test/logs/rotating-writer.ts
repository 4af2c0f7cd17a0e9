// A runtime that writes numbered lines and rotates its log under the reader's feet, in a process of its own.
// Arguments: format, path of the log, lines, milliseconds between rotations, rotated files to keep, `gzip` or `plain`.
import {
  closeSync,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { type Format, record } from './written-log.ts';

const [format = 'cri', path = '', lines = '0', everyMs = '50', keep = '5', compress = 'plain'] = process.argv.slice(2);

function rotateCri(count: number): void {
  const rotated = () =>
    readdirSync(dirname(path))
      .filter((name) => name.startsWith(`${basename(path)}.`))
      .sort();
  // As a kubelet: all but the newest rotated file are compressed, the oldest removed, then the log is moved aside.
  if (compress === 'gzip') {
    for (const name of rotated().filter((one) => !one.endsWith('.gz'))) gzip(join(dirname(path), name));
  }
  for (const name of rotated().slice(0, -Number(keep) + 1)) rmSync(join(dirname(path), name));
  renameSync(path, `${path}.20240101-${String(count).padStart(6, '0')}`);
}

function rotateDocker(): void {
  const extension = compress === 'gzip' ? '.gz' : '';
  rmSync(`${path}.${keep}${extension}`, { force: true });
  for (let age = Number(keep) - 1; age > 0; age--) {
    for (const end of new Set(['', extension])) {
      if (existsSync(`${path}.${age}${end}`)) renameSync(`${path}.${age}${end}`, `${path}.${age + 1}${end}`);
    }
  }
  renameSync(path, `${path}.1`);
  if (compress === 'gzip') gzip(`${path}.1`);
}

function gzip(file: string): void {
  writeFileSync(`${file}.tmp`, gzipSync(readFileSync(file)));
  renameSync(`${file}.tmp`, `${file}.gz`);
  rmSync(file);
}

let fd = openSync(path, 'a');
let rotations = 0;
let nextAt = Date.now() + Number(everyMs);
const total = Number(lines);
const perWrite = 100;
for (let from = 0; from < total; from += perWrite) {
  let text = '';
  for (let line = from; line < Math.min(from + perWrite, total); line++) {
    const stream = line % 7 === 0 ? 'stderr' : 'stdout';
    const time = new Date().toISOString().replace('Z', '123456Z');
    // Every fifth line is cut into two records.
    if (line % 5 === 0) {
      text +=
        record(format as Format, { stream, text: 'line ', time }) +
        record(format as Format, { stream, text: `${line}\n`, time });
    } else text += record(format as Format, { stream, text: `line ${line}\n`, time });
  }
  writeSync(fd, text);
  if (Date.now() >= nextAt) {
    const old = fd;
    if (format === 'cri') rotateCri(rotations);
    else {
      closeSync(old);
      rotateDocker();
    }
    rotations++;
    fd = openSync(path, 'a');
    if (format === 'cri') closeSync(old);
    nextAt = Date.now() + Number(everyMs);
  }
  if (from % (perWrite * 5) === 0) await sleep(1);
}
closeSync(fd);
process.stdout.write(`${rotations}\n`);
