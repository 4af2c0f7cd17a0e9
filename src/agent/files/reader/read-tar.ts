import { closeSync } from 'node:fs';
import { withCredentials } from '../../linux/credentials.ts';
import { Budget } from '../budget.ts';
import { fileError } from '../errno.ts';
import { dataSegments } from '../segments.ts';
import type { TreeLimits } from '../source.ts';
import { dataBytes, padding, type TarEntry } from '../tar/entry.ts';
import { endOfArchive, TarHeaders } from '../tar/headers.ts';
import { type WalkEvent, walkTree } from '../walk.ts';
import { ChunkSink } from './chunk-sink.ts';
import type { JobResult, ReadPlace } from './protocol.ts';
import { readContent } from './read-content.ts';
import { asBuffer, policyOf, postOpened, type Session, sendChunk, topName } from './session.ts';

/**
 * The job `tar`: a file or tree as an archive, with the rights of the container's user throughout. The bits setuid and
 * setgid are left out: who unpacks it elsewhere did not ask for them.
 */
export function readTar(session: Session, from: ReadPlace, limits: TreeLimits): JobResult {
  return withCredentials(from.credentials, () => {
    const path = asBuffer(from.path);
    const policy = policyOf(from);
    const step = () => session.control.step();
    const budget = new Budget(limits);
    const top = session.opener.openTree(from, path, policy);
    postOpened(session, top.status);
    let size = 0;
    const sink = new ChunkSink((data, length) => {
      size += length;
      sendChunk(session, data, length);
    });
    const archive: Archive = { sink, budget, headers: new TarHeaders(), step };
    for (const event of walkTree({ opener: session.opener, policy, budget, step }, top, topName(from, path))) {
      if (event.type === 'file') addFile(archive, event);
      else if (event.type !== 'leave') sink.write(archive.headers.encode(entryOf(event)).header);
    }
    sink.write(endOfArchive);
    sink.flush();
    return { summary: budget.summary(), size };
  });
}

interface Archive {
  readonly sink: ChunkSink;
  readonly budget: Budget;
  readonly headers: TarHeaders;
  step(): void;
}

function addFile({ sink, budget, headers, step }: Archive, event: WalkEvent & { type: 'file' }): void {
  const { fd, path, status } = event;
  try {
    const segments = dataSegments(fd, status, step);
    budget.content(segments === undefined ? status.size : dataBytes(segments), path);
    const { header, contentBytes } = headers.encode({
      ...entryOf(event),
      size: status.size,
      ...(segments && { segments }),
    });
    sink.write(header);
    for (const { offset, length } of segments ?? [{ offset: 0, length: status.size }]) {
      readContent(sink, event, offset, length, step);
    }
    sink.zeroes(padding(contentBytes));
  } catch (error) {
    throw fileError(error, path);
  } finally {
    closeSync(fd);
  }
}

function entryOf(event: WalkEvent): TarEntry {
  const { type, path, status } = event;
  const { mode, uid, gid, mtimeSeconds } = status;
  const linkPath = type === 'symlink' || type === 'hardlink' ? { linkPath: event.target } : undefined;
  return {
    type: type === 'leave' ? 'directory' : type,
    path,
    mode: mode & 0o1777,
    uid,
    gid,
    size: 0,
    mtimeSeconds,
    ...linkPath,
  };
}
