import { setPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import { PodhandError } from '../../../wire/errors.ts';
import { CapabilityMissing } from '../../linux/credentials.ts';
import { Opener } from '../resolve.ts';
import { copy } from '../save/copy.ts';
import { extract } from '../save/extract.ts';
import { write } from '../save/write.ts';
import { JobAborted, JobControl, JobStalled } from './control.ts';
import {
  type Job,
  type JobError,
  type JobMessage,
  type JobResult,
  readerNice,
  type WorkerData,
  type WorkerMessage,
} from './protocol.ts';
import { readFile } from './read-file.ts';
import { readTar } from './read-tar.ts';
import type { Session } from './session.ts';

/**
 * The thread that touches files. One job at a time, from beginning to end without returning to the event loop: so the
 * thread's file credentials cannot leak into anything else, and a file that never answers blocks nobody but this thread.
 */
if (parentPort === null) throw new Error('this module is the body of a worker thread');
const port = parentPort;
const { stallMs, descriptors } = workerData as WorkerData;
// Of this thread alone. What reads for one pod leaves the processor to what answers all of them.
setPriority(readerNice);
const opener = new Opener(descriptors);

function post(message: WorkerMessage, transfer: ArrayBuffer[] = []): void {
  port.postMessage(message, transfer);
}

port.on('message', ({ job, control, input }: JobMessage) => {
  const session: Session = { opener, control: new JobControl(control), input, stallMs, post };
  try {
    session.control.step();
    post({ type: 'done', result: run(session, job) });
  } catch (error) {
    post({ type: 'failed', error: describe(error) });
  } finally {
    input?.close();
  }
});

post({ type: 'loaded' });

function run(session: Session, job: Job): JobResult {
  if (job.kind === 'file') return readFile(session, job.from, job.limits);
  if (job.kind === 'tar') return readTar(session, job.from, job.limits);
  if (job.kind === 'copy') return copy(session, job.from, job.to, job.limits);
  if (job.kind === 'write') return write(session, job.to);
  return extract(session, job.to, job.limits);
}

function describe(error: unknown): JobError {
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  if (error instanceof PodhandError) {
    const { reason, message, details } = error;
    return { reason, message, details, stack };
  }
  if (error instanceof JobAborted)
    return { reason: 'CANCELLED', message: 'the call was cancelled', details: {}, stack };
  if (error instanceof JobStalled) {
    const message = `the other side of the stream did nothing for ${stallMs / 1000} s`;
    return { reason: 'DEADLINE_EXCEEDED', message, details: {}, stack };
  }
  if (error instanceof CapabilityMissing)
    return { reason: 'AGENT_LACKS_RIGHT', message: `the agent lacks a right: ${error.message}`, details: {}, stack };
  return { reason: 'INTERNAL', message: 'podhand failed; the agent log has the cause', details: {}, stack };
}
