import { isAbort, PodhandError, type Reason } from '../../../wire/errors.ts';
import { isConnectionError } from '../../http/connection-error.ts';

/** What an answer of the engine means where the same status means different things for different calls. */
export type StatusMeaning = Readonly<Record<number, readonly [reason: Reason, message: string]>>;

/** An answer of the engine with a status that is no success. Its text is for the agent's log, never for a caller. */
export class EngineStatusError extends Error {
  override readonly name = 'EngineStatusError';
  readonly statusCode: number;

  constructor(statusCode: number, text: string) {
    super(`engine answered ${statusCode}: ${text}`);
    this.statusCode = statusCode;
  }
}

/** The status of the engine's answer, where the error is one. */
export function engineStatus(error: unknown): number | undefined {
  const statusCode = (error as { statusCode?: unknown } | null)?.statusCode;
  return typeof statusCode === 'number' ? statusCode : undefined;
}

/** True where the engine could not be reached, or the connection was lost before its answer was complete. */
export function isEngineAway(error: unknown): boolean {
  if (error instanceof PodhandError) return error.reason === 'RUNTIME_UNAVAILABLE';
  return isConnectionError(error) || engineStatus(error) === 503;
}

/**
 * The one place where a failure of the engine becomes a PodhandError: by status code or system error code, never by
 * text. An abort and a PodhandError pass through unchanged. `meaning` adds what a status means for this call.
 */
export function translateEngineError(error: unknown, meaning: StatusMeaning = {}): unknown {
  if (error instanceof PodhandError || isAbort(error)) return error;
  if (isEngineAway(error)) {
    return new PodhandError('RUNTIME_UNAVAILABLE', 'the container engine of this node cannot be reached', {
      cause: error,
    });
  }
  const status = engineStatus(error);
  const meant = status === undefined ? undefined : meaning[status];
  if (meant !== undefined) return new PodhandError(meant[0], meant[1], { cause: error });
  if (status === 404) {
    return new PodhandError('CONTAINER_NOT_FOUND', 'the container engine has removed this container', { cause: error });
  }
  return new PodhandError(
    'INTERNAL',
    `the container engine failed${status === undefined ? '' : ` with status ${status}`}`,
    {
      cause: error,
    },
  );
}
