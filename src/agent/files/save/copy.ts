import { closeSync } from 'node:fs';
import { type FileCredentials, withCredentials } from '../../linux/credentials.ts';
import { Budget } from '../budget.ts';
import { fileError } from '../errno.ts';
import { ProgressReport } from '../reader/progress.ts';
import type { JobResult, ReadPlace, WritePlace } from '../reader/protocol.ts';
import { asBuffer, policyOf, type Session, topName } from '../reader/session.ts';
import { isDirectory, type OpenFile } from '../resolve.ts';
import { dataSegments } from '../segments.ts';
import type { TreeLimits } from '../source.ts';
import { dataBytes } from '../tar/entry.ts';
import { type WalkEvent, walkTree } from '../walk.ts';
import { DataCopier } from './data-copier.ts';
import { Destination } from './destination.ts';
import { TreeBuilder } from './tree-builder.ts';

/** Entries that are opened with the container's rights before they are written with the caller's. */
const batchEntries = 64;

/**
 * The job `copy`: a file or tree, read with the rights of the container's user, written with those of the caller. Copies
 * modes (without setuid and setgid), times, holes, symbolic and hard links; the owner is the caller.
 */
export function copy(session: Session, from: ReadPlace, to: WritePlace, limits: TreeLimits): JobResult {
  const shared = sameCredentials(from.credentials, to.credentials);
  // Changing a thread's rights costs as much as copying a small file.
  const reading: As = shared ? (action) => action() : (action) => withCredentials(from.credentials, action);
  const writing: As = shared ? (action) => action() : (action) => withCredentials(to.credentials, action);
  const whole = () => copyAs(session, { from, to, limits, reading, writing });
  return shared ? withCredentials(from.credentials, whole) : whole();
}

type As = <T>(action: () => T) => T;

interface CopyJob {
  readonly from: ReadPlace;
  readonly to: WritePlace;
  readonly limits: TreeLimits;
  readonly reading: As;
  readonly writing: As;
}

function copyAs(session: Session, job: CopyJob): JobResult {
  const { from, limits, reading, writing } = job;
  const path = asBuffer(from.path);
  const policy = policyOf(from);
  const top = reading(() => session.opener.openTree(from, path, policy));
  const destination = orClose(top, () => writing(() => new Destination(job.to, session.control)));
  const progress = new ProgressReport(session, isDirectory(top.status) ? 0 : top.status.size);
  const budget = new Budget(limits);
  const step = () => session.control.step();
  const walk = walkTree({ opener: session.opener, policy, budget, step }, top, topName(from, path));
  const tree: Tree = {
    builder: new TreeBuilder(destination),
    copier: new DataCopier((bytes) => progress.step(bytes)),
    budget,
    step,
  };
  let batch: WalkEvent[] = [];
  try {
    for (;;) {
      batch = reading(() => take(walk));
      if (batch.length === 0) break;
      writing(() => {
        for (let event = batch.shift(); event !== undefined; event = batch.shift()) {
          add(tree, event);
          progress.entries = budget.entries;
          progress.step(0);
        }
      });
    }
    writing(() => {
      tree.builder.finish(step);
      destination.commit();
    });
    return { summary: budget.summary(), size: progress.bytes };
  } finally {
    walk.return();
    for (const event of batch) if (event.type === 'file') closeSync(event.fd);
    writing(() => {
      tree.builder.close();
      destination.close();
    });
  }
}

interface Tree {
  readonly builder: TreeBuilder;
  readonly copier: DataCopier;
  readonly budget: Budget;
  step(): void;
}

function take(walk: Generator<WalkEvent, void, void>): WalkEvent[] {
  const events: WalkEvent[] = [];
  try {
    while (events.length < batchEntries) {
      const { done, value } = walk.next();
      if (done === true) break;
      events.push(value);
    }
    return events;
  } catch (error) {
    for (const event of events) if (event.type === 'file') closeSync(event.fd);
    throw error;
  }
}

function add(tree: Tree, event: WalkEvent): void {
  const path = belowTop(event.path);
  const { builder } = tree;
  if (event.type === 'directory') builder.directory(path, event.status);
  else if (event.type === 'symlink') builder.symlink(path, event.target);
  else if (event.type === 'hardlink') builder.hardlink(path, belowTop(event.target));
  else if (event.type === 'file') addFile(tree, event, path);
}

function addFile({ builder, copier, budget, step }: Tree, event: WalkEvent & { type: 'file' }, path: Buffer): void {
  const { fd, status } = event;
  const { size } = status;
  try {
    const segments = readable(event, () => dataSegments(fd, status, step));
    budget.content(segments === undefined ? size : dataBytes(segments), event.path);
    builder.file(path, status, (to) => copier.copy({ from: fd, to, size, segments, path: event.path }));
  } finally {
    closeSync(fd);
  }
}

function readable<T>({ path }: WalkEvent, action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw fileError(error, path);
  }
}

/** A walk's path without its first name. */
export function belowTop(path: Buffer): Buffer {
  const slash = path.indexOf(0x2f);
  return slash === -1 ? Buffer.alloc(0) : path.subarray(slash + 1);
}

function orClose<T>({ fd }: OpenFile, action: () => T): T {
  try {
    return action();
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

function sameCredentials(one: FileCredentials, other: FileCredentials): boolean {
  return (
    one.uid === other.uid &&
    one.gid === other.gid &&
    one.capabilities === other.capabilities &&
    one.groups.length === other.groups.length &&
    one.groups.every((group, at) => group === other.groups[at])
  );
}
