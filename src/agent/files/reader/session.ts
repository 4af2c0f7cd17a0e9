import type { MessagePort } from 'node:worker_threads';
import type { FileStatus } from '../../linux/statx.ts';
import { MountPolicy } from '../mounts.ts';
import { baseName } from '../path.ts';
import type { Opener } from '../resolve.ts';
import type { JobControl } from './control.ts';
import type { ReadPlace, WorkerMessage } from './protocol.ts';

/** What a running job has of its worker. */
export interface Session {
  readonly opener: Opener;
  readonly control: JobControl;
  readonly input: MessagePort | undefined;
  /** How long a job waits for its other side to take or give a chunk, in milliseconds. */
  readonly stallMs: number;
  post(message: WorkerMessage, transfer?: ArrayBuffer[]): void;
}

/** Paths arrive as plain byte arrays. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** What the top entry of a tree is called. */
export function topName({ volume }: ReadPlace, path: Buffer): Buffer {
  return volume === undefined ? baseName(path) : asBuffer(volume.name);
}

export function policyOf(place: ReadPlace): MountPolicy {
  return new MountPolicy(place.mounts, place.allowed);
}

export function postOpened(session: Session, status: FileStatus): void {
  const { mode, size, uid, gid, mtimeSeconds, mtimeNanos } = status;
  const modifiedAt = new Date(mtimeSeconds * 1000 + Math.floor(mtimeNanos / 1_000_000));
  const type = (mode & 0o170000) === 0o040000 ? 'directory' : 'file';
  session.post({ type: 'opened', facts: { type, size, mode: mode & 0o7777, uid, gid, modifiedAt } });
}

/** Sends a chunk once the receiver has room for it. Throws JobAborted and JobStalled. */
export function sendChunk(session: Session, data: ArrayBuffer, length: number): void {
  session.control.takeCredit(session.stallMs);
  session.post({ type: 'chunk', data, length }, [data]);
}
