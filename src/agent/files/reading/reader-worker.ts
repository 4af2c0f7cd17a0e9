import { closeSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import { PodhandError } from '../../../wire/errors.ts';
import { withCredentials } from '../../linux/credentials.ts';
import { fileError } from '../errno.ts';
import { baseName } from '../path.ts';
import type { FileFacts, TreeSummary } from '../source.ts';
import { ChunkWriter } from './chunk-writer.ts';
import { credits, type ReadAnswer, type ReadRequest, stopped } from './protocol.ts';
import { type Opened, openInRoot } from './resolve.ts';
import { TreeWriter } from './tree.ts';

// A thread of its own: it blocks in reads and on credits, and its file-system rights are those of the container's user
// while it reads. Nothing here is asynchronous.

const port = parentPort;
if (port === null) throw new Error('reader-worker runs as a worker thread only');

port.on('message', (request: ReadRequest) => {
  port.postMessage(answerTo(request));
});

function answerTo(request: ReadRequest): ReadAnswer {
  const path = Buffer.from(request.path);
  try {
    return { type: 'end', summary: withCredentials(request.credentials, () => read(request, path)) };
  } catch (error) {
    const known = fileError(error, path);
    if (known instanceof PodhandError) {
      return { type: 'error', reason: known.reason, message: known.message, details: { ...known.details } };
    }
    return { type: 'fault', error };
  }
}

function read(request: ReadRequest, path: Buffer): TreeSummary {
  const control = new Int32Array(request.control);
  const out = new ChunkWriter((chunk) => {
    takeCredit(control);
    // The buffer goes over, it is not copied.
    const answer: ReadAnswer = { type: 'chunk', chunk };
    port?.postMessage(answer, [chunk.buffer]);
  });
  const opened = open(request, path);
  try {
    const answer: ReadAnswer = { type: 'facts', facts: factsOf(opened) };
    port?.postMessage(answer);
    const summary =
      request.kind === 'file'
        ? readFile(opened, out)
        : new TreeWriter({
            mounts: request.mounts,
            limits: request.limits,
            out,
            check: () => checkStop(control),
          }).write(opened, baseName(path));
    out.flush();
    return summary;
  } finally {
    closeSync(opened.fd);
  }
}

function open(request: ReadRequest, path: Buffer): Opened {
  const { limits, kind } = request;
  let opened: Opened;
  try {
    opened = openInRoot(request.rootFd, path, request.mounts);
  } catch (error) {
    if (kind === 'file' && error instanceof PodhandError && error.reason === 'NOT_A_FILE_OR_DIRECTORY') {
      throw new PodhandError('NOT_A_REGULAR_FILE', error.message);
    }
    throw error;
  }
  const { status, type } = opened;
  const refused =
    kind === 'file' && type === 'directory'
      ? new PodhandError('NOT_A_REGULAR_FILE', 'the path is a directory, not a regular file')
      : kind === 'file' && status.size > limits.maxFileBytes
        ? new PodhandError(
            'FILE_TOO_LARGE',
            `the file has ${status.size} bytes; at most ${limits.maxFileBytes} are allowed`,
          )
        : undefined;
  if (refused === undefined) return opened;
  closeSync(opened.fd);
  throw refused;
}

function readFile(opened: Opened, out: ChunkWriter): TreeSummary {
  const { size } = opened.status;
  if (!out.read(opened.fd, 0, size)) throw new PodhandError('FILE_CHANGED', 'the file was truncated while it was read');
  return { contentBytes: size, entries: 1, skipped: { fifos: 0, sockets: 0, devices: 0, mounts: 0, vanished: 0 } };
}

function factsOf({ status, type }: Opened): FileFacts {
  const { size, uid, gid, mtimeSeconds, mtimeNanos } = status;
  const modifiedAt = new Date(mtimeSeconds * 1000 + mtimeNanos / 1e6);
  return { type, size: type === 'file' ? size : 0, mode: status.mode & 0o7777, uid, gid, modifiedAt };
}

/** Blocks until the receiver has room for one more chunk. */
function takeCredit(control: Int32Array): void {
  for (;;) {
    checkStop(control);
    if (Atomics.load(control, credits) > 0) {
      Atomics.sub(control, credits, 1);
      return;
    }
    Atomics.wait(control, credits, 0);
  }
}

function checkStop(control: Int32Array): void {
  if (Atomics.load(control, stopped) !== 0) throw new PodhandError('CANCELLED', 'the reading was stopped');
}
