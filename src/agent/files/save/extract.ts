import { ftruncateSync, writeSync } from 'node:fs';
import { PodhandError } from '../../../wire/errors.ts';
import { withCredentials } from '../../linux/credentials.ts';
import { Budget } from '../budget.ts';
import { components, quotePath } from '../path.ts';
import { nextInput } from '../reader/input.ts';
import { ProgressReport } from '../reader/progress.ts';
import type { JobResult, WritePlace } from '../reader/protocol.ts';
import type { Session } from '../reader/session.ts';
import type { TreeLimits } from '../source.ts';
import { type ReadEntry, TarFormatError, TarReader } from '../tar/read.ts';
import { Destination } from './destination.ts';
import { TreeBuilder } from './tree-builder.ts';

/**
 * The job `extract`: recreates the file or tree in the tar that comes. Its top entry, whatever its name, becomes the
 * destination. FIFOs, sockets and devices are left out and counted.
 */
export function extract(session: Session, to: WritePlace, limits: TreeLimits): JobResult {
  return withCredentials(to.credentials, () => {
    const destination = new Destination(to, session.control);
    const budget = new Budget(limits);
    const progress = new ProgressReport(session, 0);
    const builder = new TreeBuilder(destination);
    try {
      const reader = new TarReader(() => nextInput(session));
      for (let entry = reader.next(); entry !== undefined; entry = reader.next()) {
        add({ builder, budget, progress, reader }, entry);
        progress.entries = budget.entries;
        progress.step(0);
      }
      if (budget.entries === 0) throw new TarFormatError('an archive without a file or directory');
      builder.finish(() => session.control.step());
      destination.commit();
      return { summary: budget.summary(), size: progress.bytes };
    } finally {
      builder.close();
      destination.close();
    }
  });
}

interface Extraction {
  readonly builder: TreeBuilder;
  readonly budget: Budget;
  readonly progress: ProgressReport;
  readonly reader: TarReader;
}

function add({ builder, budget, progress, reader }: Extraction, entry: ReadEntry): void {
  const path = placeOf(entry.path);
  const { mode, mtimeSeconds } = entry;
  const attributes = { mode, mtimeSeconds, mtimeNanos: 0 };
  if (entry.type === 'fifo') budget.skipped.fifos++;
  else if (entry.type === 'device') budget.skipped.devices++;
  else if (entry.type !== 'other') {
    budget.entry();
    budget.depth(components(path).length);
  }
  if (entry.type === 'directory') builder.directory(path, attributes);
  else if (entry.type === 'symlink' && path.length > 0) builder.symlink(path, entry.linkPath);
  else if (entry.type === 'hardlink') builder.hardlink(path, placeOf(entry.linkPath));
  else if (entry.type === 'file') {
    budget.content(entry.contentBytes, entry.path);
    builder.file(path, attributes, (fd) => writeContent(fd, entry, reader, progress));
  } else if (path.length === 0) {
    const message = `${quotePath(entry.path)} is neither a regular file nor a directory`;
    throw new PodhandError('NOT_A_FILE_OR_DIRECTORY', message);
  }
}

/** The path below the top entry; empty for the top itself. */
function placeOf(path: Buffer): Buffer {
  const [top, ...rest] = components(path);
  if (rest.some((part) => part.length === 2 && part[0] === 0x2e && part[1] === 0x2e)) {
    throw new TarFormatError('an entry whose path contains ".."');
  }
  if (top === undefined) return Buffer.alloc(0);
  return Buffer.concat(rest.flatMap((part, at) => (at === 0 ? [part] : [Buffer.from('/'), part])));
}

function writeContent(fd: number, entry: ReadEntry, reader: TarReader, progress: ProgressReport): void {
  const segments = (entry.segments ?? [{ offset: 0, length: entry.size }]).filter(({ length }) => length > 0);
  let at = segments[0]?.offset ?? 0;
  let segment = 0;
  for (let piece = reader.content(); piece !== undefined; piece = reader.content()) {
    for (let done = 0; done < piece.length; ) {
      const present = segments[segment];
      if (present === undefined) throw new TarFormatError('more content than a sparse map says');
      const left = present.offset + present.length - at;
      const written = writeSync(fd, piece, done, Math.min(piece.length - done, left), at);
      done += written;
      at += written;
      if (written === left) at = segments[++segment]?.offset ?? at;
    }
    progress.step(piece.length);
  }
  if (at < entry.size) ftruncateSync(fd, entry.size);
}
