import { closeSync, mkdirSync, openSync, renameSync, writeFileSync } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { parentPort } from 'node:worker_threads';
import pLimit from 'p-limit';
import { type RecordText, unfinishedEnding, type WriteJob, type WriteOutcome } from './record-writer.ts';

/**
 * The thread of RecordWriter. Writing is done without the event loop: each step that is awaited there waits for two
 * threads to be scheduled, on a node that is busy with the very end that is being written.
 */
parentPort?.on('message', ({ id, ...job }: WriteJob) => {
  try {
    write(job);
  } catch (error) {
    tell({ id, stage: 'written', failure: failureOf(error) });
    return;
  }
  tell({ id, stage: 'written', failure: undefined });
  void sync(() => makeDurable(job)).then(
    () => tell({ id, stage: 'durable', failure: undefined }),
    (error) => tell({ id, stage: 'durable', failure: failureOf(error) }),
  );
});

/** Of the process's four threads for files: a disk that takes its time must not keep the others from theirs. */
const sync = pLimit(2);

function tell(outcome: WriteOutcome): void {
  parentPort?.postMessage(outcome);
}

/** What has the temporary name is whole: an agent that is killed leaves nothing there that could be taken for another. */
function write({ path, temporary, text }: RecordText): void {
  if (text === undefined) return;
  const directory = dirname(path);
  const part = `${temporary}${unfinishedEnding}`;
  const file = openBelow(directory, part);
  try {
    writeFileSync(file, text);
  } finally {
    closeSync(file);
  }
  renameSync(join(directory, part), join(directory, temporary));
}

async function makeDurable({ path, temporary }: RecordText): Promise<void> {
  const directory = dirname(path);
  await synced(join(directory, temporary));
  await rename(join(directory, temporary), path);
  await synced(directory);
}

async function synced(path: string): Promise<void> {
  const file = await open(path, 'r');
  try {
    await file.datasync();
  } finally {
    await file.close();
  }
}

function openBelow(directory: string, name: string): number {
  try {
    return openSync(join(directory, name), 'w', 0o600);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
    makeDirectory(directory);
    return openSync(join(directory, name), 'w', 0o600);
  }
}

function makeDirectory(path: string): void {
  try {
    mkdirSync(path, 0o700);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
    // Not at once: on a read-only file system it fails with ENOENT, which says nothing.
    mkdirSync(path, { recursive: true, mode: 0o700 });
  }
}

function failureOf(error: unknown): WriteOutcome['failure'] {
  return { message: String(error), code: codeOf(error) };
}

/** What loads the system calls has no business in this thread. */
function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}
