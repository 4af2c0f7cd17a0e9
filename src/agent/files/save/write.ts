import { closeSync, fchmodSync, writeSync } from 'node:fs';
import { withCredentials } from '../../linux/credentials.ts';
import { fileError } from '../errno.ts';
import { nextInput } from '../reader/input.ts';
import { ProgressReport } from '../reader/progress.ts';
import type { JobResult, WritePlace } from '../reader/protocol.ts';
import type { Session } from '../reader/session.ts';
import { Destination } from './destination.ts';

const mode = 0o644;

/** The job `write`: the bytes that come become one file, of mode 0644. */
export function write(session: Session, to: WritePlace): JobResult {
  return withCredentials(to.credentials, () => {
    const destination = new Destination(to, session.control);
    try {
      const size = fill(session, destination);
      destination.commit();
      const skipped = { fifos: 0, sockets: 0, devices: 0, mounts: 0, vanished: 0 };
      return { summary: { contentBytes: size, entries: 1, skipped }, size };
    } finally {
      destination.close();
    }
  });
}

function fill(session: Session, destination: Destination): number {
  const progress = new ProgressReport(session, 0);
  const fd = destination.createFile();
  try {
    for (let chunk = nextInput(session); chunk !== undefined; chunk = nextInput(session)) {
      writeAll(fd, chunk);
      progress.step(chunk.length);
    }
    fchmodSync(fd, mode);
    return progress.bytes;
  } catch (error) {
    throw fileError(error, destination.path, 'write');
  } finally {
    closeSync(fd);
  }
}

/** Writes at the descriptor's position, however often the kernel takes a part only. */
export function writeAll(fd: number, bytes: Buffer): void {
  for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done, bytes.length - done);
}
