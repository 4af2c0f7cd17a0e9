import type { TraceContext } from '../../wire/trace-context.ts';
import type { Pod } from '../pods/model.ts';

/** A call that has ended. */
export interface TracedCall {
  readonly rpc: string;
  /** The caller's span; absent where it named none. */
  readonly parent: TraceContext | undefined;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  readonly ms: number;
  readonly pod: Pod | undefined;
  readonly container: unknown;
  readonly code: number;
  readonly reason: string;
}

/** Makes a span of each call. */
export interface CallTracer {
  /** Answers the id of the trace that the call is part of. */
  ended(call: TracedCall): string;
  /** Sends what is left, for at most 3 s. */
  close(): Promise<void>;
}
