import type { Reason } from '../../../wire/errors.ts';
import type { FileCredentials } from '../../linux/credentials.ts';
import type { FileFacts, TreeLimits, TreeSummary } from '../source.ts';
import type { MountTable } from './mounts.ts';

/** What a reader is asked: everything is plain data; descriptors are the process', and stay open until it answers. */
export interface ReadRequest {
  readonly kind: 'file' | 'tar';
  readonly rootFd: number;
  readonly path: Uint8Array;
  readonly mounts: MountTable;
  readonly credentials: FileCredentials;
  readonly limits: TreeLimits;
  readonly control: SharedArrayBuffer;
}

export type ReadAnswer =
  | { readonly type: 'facts'; readonly facts: FileFacts }
  | { readonly type: 'chunk'; readonly chunk: Uint8Array<ArrayBuffer> }
  | { readonly type: 'end'; readonly summary: TreeSummary }
  | {
      readonly type: 'error';
      readonly reason: Reason;
      readonly message: string;
      readonly details: Record<string, string>;
    }
  | { readonly type: 'fault'; readonly error: unknown };

/** Places in the control words: chunks that may still be sent, and whether the reading is to stop. */
export const credits = 0;
export const stopped = 1;
export const startCredits = 4;
