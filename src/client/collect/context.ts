import type { CallOptions, ExecutorClient } from '../executor-client.ts';
import type { CollectError } from './outputs.ts';

/** What every step of a collection works with. */
export interface CollectContext {
  readonly client: ExecutorClient;
  /** Ends everything, without outputs. */
  readonly call: CallOptions;
  /** Aborts when waiting is to stop and what is there is to be saved. */
  readonly stop: AbortSignal;
  /** Where relative destinations are; absolute. */
  readonly directory: string;
  /** One line about what goes on. */
  note(line: string): void;
}

/** How the awaited containers stand when outputs are taken. */
export interface Ended {
  /** Whether the container ended well: only then its outputs must be there. */
  succeeded(container: string): boolean;
  readonly allSucceeded: boolean;
}

/** Collects what goes wrong; no step stops the next one. */
export type Report = (error: CollectError) => void;
