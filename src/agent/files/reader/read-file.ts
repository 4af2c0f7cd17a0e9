import { closeSync } from 'node:fs';
import { withCredentials } from '../../linux/credentials.ts';
import { Budget, fileTooLarge } from '../budget.ts';
import { fileError } from '../errno.ts';
import type { TreeLimits } from '../source.ts';
import { ChunkSink } from './chunk-sink.ts';
import type { JobResult, ReadPlace } from './protocol.ts';
import { readContent } from './read-content.ts';
import { asBuffer, policyOf, postOpened, type Session, sendChunk } from './session.ts';

/** The job `file`: one regular file's own bytes. */
export function readFile(session: Session, from: ReadPlace, limits: TreeLimits): JobResult {
  const path = asBuffer(from.path);
  const open = () => session.opener.openFile(from, path, policyOf(from));
  const { fd, status } = withCredentials(from.credentials, open);
  try {
    if (status.size > limits.maxFileBytes) throw fileTooLarge(path, status.size, limits.maxFileBytes);
    const budget = new Budget(limits);
    budget.entry();
    budget.content(status.size, path);
    postOpened(session, status);
    const sink = new ChunkSink((data, length) => sendChunk(session, data, length));
    readContent(sink, { fd, path }, 0, status.size, () => session.control.step());
    sink.flush();
    return { summary: budget.summary(), size: status.size };
  } catch (error) {
    throw fileError(error, path);
  } finally {
    closeSync(fd);
  }
}
