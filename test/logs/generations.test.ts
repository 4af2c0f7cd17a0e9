import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { basename } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { LogGenerations } from '../../src/agent/logs/generations.ts';
import { LogDirectory } from '../../src/agent/logs/log-directory.ts';
import { record, WrittenLog } from './written-log.ts';

/** A log directory in which something happens right before a file is opened: once, and for real. */
class BusyDirectory extends LogDirectory {
  before: ((name: string) => boolean) | undefined;

  override openFile(name: string): Promise<FileHandle | undefined> {
    if (this.before?.(name)) this.before = undefined;
    return super.openFile(name);
  }
}

let log: WrittenLog;
let directory: BusyDirectory;

function text(line: string): string {
  return record('docker-json', { stream: 'stdout', text: `${line}\n` });
}

async function linesOf(generations: LogGenerations): Promise<string[]> {
  const lines: string[] = [];
  for (const file of generations.files) {
    const block = Buffer.alloc(1000);
    const content = file.content(0);
    const { log: line } = JSON.parse(block.toString('utf8', 0, await content.read(block))) as { log: string };
    lines.push(line.trim());
    content.close();
  }
  return lines;
}

beforeEach(async () => {
  log = await WrittenLog.make('docker-json');
  directory = new BusyDirectory(await open(log.directory), basename(log.path));
  writeFileSync(log.path, text('first'));
});
afterEach(async () => {
  await log.remove();
});

it('skips no file when the next one gets the inode of the one that was listed', async () => {
  const generations = await LogGenerations.open(directory);
  try {
    renameSync(log.path, `${log.path}.1`);
    writeFileSync(log.path, text('second'));
    directory.before = (name) => {
      if (name !== basename(log.path)) return false;
      writeFileSync(`${log.path}.2.gz`, gzipSync(text('first')));
      rmSync(`${log.path}.1`);
      writeFileSync(`${log.path}.1.gz`, gzipSync(text('second')));
      rmSync(log.path);
      writeFileSync(log.path, text('third'));
      return true;
    };
    await generations.refresh();
    expect(await linesOf(generations)).toEqual(['first', 'second', 'third']);
    expect(generations.hasGap).toBe(false);
  } finally {
    await generations.close();
  }
});

it('sees no gap where its file was compressed while it looked', async () => {
  const generations = await LogGenerations.open(directory);
  try {
    writeFileSync(`${log.path}.2.gz`, gzipSync(text('first')));
    rmSync(log.path);
    writeFileSync(log.path, text('second'));
    // The compressed file moves on between the list and the look into it.
    directory.before = (name) => {
      if (!name.endsWith('.2.gz')) return false;
      renameSync(`${log.path}.2.gz`, `${log.path}.3.gz`);
      return true;
    };
    await generations.refresh();
    expect(generations.hasGap).toBe(false);
    expect(await linesOf(generations)).toEqual(['first', 'second']);
  } finally {
    await generations.close();
  }
});

it('sees the gap where its file is gone and others are there', async () => {
  const generations = await LogGenerations.open(directory);
  try {
    rmSync(log.path);
    writeFileSync(log.path, text('third'));
    await generations.refresh();
    expect(generations.hasGap).toBe(true);
    expect(await linesOf(generations)).toEqual(['first']);
  } finally {
    await generations.close();
  }
});
