import type { MessagePort } from 'node:worker_threads';
import type { Reason } from '../../../wire/errors.ts';
import type { FileCredentials } from '../../linux/credentials.ts';
import type { MountKind } from '../../linux/mount-kind.ts';
import type { Mount } from '../mounts.ts';
import type { FileFacts, TreeLimits, TreeSummary } from '../source.ts';

/** Where a job reads. Descriptors are numbers: threads share them. Paths are parsed. */
export interface ReadPlace {
  readonly rootFd: number;
  readonly path: Uint8Array;
  readonly credentials: FileCredentials;
  readonly mounts: readonly Mount[];
  /** Mounts of these kinds are read. */
  readonly allowed: readonly MountKind[];
  /**
   * The root is that of a volume and not the container's own: a link that leads out of it is refused, since it means
   * another place there. `name` is what the top of a tree is called.
   */
  readonly volume?: { readonly name: Uint8Array };
}

/** Where a job writes. */
export interface WritePlace extends ReadPlace {
  /** Of the calling pod. */
  readonly podUid: string;
  readonly overwrite: boolean;
}

export type Job =
  | { readonly kind: 'file'; readonly from: ReadPlace; readonly limits: TreeLimits }
  | { readonly kind: 'tar'; readonly from: ReadPlace; readonly limits: TreeLimits }
  | { readonly kind: 'copy'; readonly from: ReadPlace; readonly to: WritePlace; readonly limits: TreeLimits }
  /** Writes the bytes that come through the input port to one file. */
  | { readonly kind: 'write'; readonly to: WritePlace }
  /** Recreates the tar that comes through the input port; its one top entry becomes the destination. */
  | { readonly kind: 'extract'; readonly to: WritePlace; readonly limits: TreeLimits };

export interface JobMessage {
  readonly job: Job;
  readonly control: SharedArrayBuffer;
  /** Carries InputMessage, for jobs that take bytes. */
  readonly input?: MessagePort;
}

/** Bytes for a job; undefined at their end. */
export type InputMessage = ArrayBuffer | undefined;

export interface JobResult {
  readonly summary: TreeSummary;
  /** Bytes written to the destination. */
  readonly size: number;
}

/** What a reader thread is started with. */
export interface WorkerData {
  readonly stallMs: number;
  /** O_PATH descriptor of /proc/self/fd. */
  readonly descriptors: number;
}

export type WorkerMessage =
  /** The first of every thread. */
  | { readonly type: 'loaded' }
  | { readonly type: 'opened'; readonly facts: FileFacts }
  | { readonly type: 'chunk'; readonly data: ArrayBuffer; readonly length: number }
  /** One message from the input port was used up. */
  | { readonly type: 'consumed' }
  | { readonly type: 'progress'; readonly bytes: number; readonly totalBytes: number; readonly entries: number }
  | { readonly type: 'done'; readonly result: JobResult }
  | { readonly type: 'failed'; readonly error: JobError };

export interface JobError {
  readonly reason: Reason;
  readonly message: string;
  readonly details: Record<string, string>;
  /** Of the original error, for the agent's log. */
  readonly stack: string;
}

/** The nice value of a thread that reads: a tenth of the processor beside one that answers, where both want it. */
export const readerNice = 10;

/** Bytes in one chunk, and how many chunks may be under way, per job and direction. */
export const chunkBytes = 256 * 1024;
export const chunksInFlight = 4;
