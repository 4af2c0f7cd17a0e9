/**
 * A hostile process: does as many random things as it is told to, in a directory in which an agent wants a socket, and
 * with `around` to the directory itself. It leaves whatever comes of it.
 *
 *     node hostile.ts DIRECTORY OUTSIDE COUNT inside|around
 */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  linkSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmdirSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';

const [, , directory = '', outside = '', count = '0', where = ''] = process.argv;
const place = join(directory, 'agent.sock');
const aside = join(directory, 'aside');

const inside: (() => unknown)[] = [
  () => remove(place),
  () => renameSync(place, aside),
  () => renameSync(aside, place),
  () => remove(aside),
  () => symlinkSync(join(outside, 'agent.sock'), place),
  () => symlinkSync(join(outside, 'new.sock'), place),
  () => symlinkSync(join(outside, 'directory'), place),
  () => symlinkSync(place, aside),
  () => writeFileSync(place, 'in the way'),
  () => mkdirSync(place),
  () => mkdirSync(join(place, 'nested'), { recursive: true }),
  () => linkSync(place, aside),
  () => chmodSync(directory, 0),
  () => chmodSync(directory, 0o777),
  () => chownSync(directory, 1000, 1000),
  () => chmodSync(place, 0),
  () => listen(place),
];

const around: (() => unknown)[] = [
  () => renameSync(directory, `${directory}.moved`),
  () => renameSync(`${directory}.moved`, directory),
  () => symlinkSync(join(outside, 'directory'), directory),
  () => unlinkSync(directory),
  () => rmdirSync(directory),
  () => mkdirSync(directory),
  () => remove(`${directory}.moved`),
];

let immutable = 0;
function toggleImmutable(): void {
  spawnSync('chattr', [immutable++ % 2 === 0 ? '+i' : '-i', directory]);
}

/** Not fs.rmSync: it can be made to go on for ever. */
function remove(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    for (const name of readdirSync(path)) remove(join(path, name));
    rmdirSync(path);
  }
}

function listen(at: string): void {
  const server = createServer((socket) => socket.destroy());
  server.on('error', () => {});
  // Closed soon: most of these sockets are dead when the agent looks.
  server.listen(at, () => server.close());
}

const actions = where === 'around' ? [...inside, ...around, ...around] : inside;
for (let done = 0; done < Number(count); done++) {
  try {
    actions[Math.floor(Math.random() * actions.length)]?.();
  } catch {
    // What cannot be done now may be done next time.
  }
  if (done % 1000 === 999 && where === 'inside') toggleImmutable();
  if (done % 50 === 0) await turn();
}
spawnSync('chattr', ['-i', directory]);
process.exit(0);
