import type { ServiceError } from '@grpc/grpc-js';
import { decodeErrorInfo, errorDomain, statusDetailsKey } from '../wire/error-info.ts';
import { PodhandError, type Reason, reasons } from '../wire/errors.ts';
import { status } from '../wire/status.ts';

/** The reason for a status that came without one: from grpc-js itself, or from something that is no podhand agent. */
const reasonOfCode: Readonly<Record<number, Reason>> = {
  [status.CANCELLED]: 'AGENT_UNREACHABLE',
  [status.INVALID_ARGUMENT]: 'INVALID_REQUEST',
  [status.DEADLINE_EXCEEDED]: 'DEADLINE_EXCEEDED',
  [status.PERMISSION_DENIED]: 'PERMISSION_DENIED',
  [status.UNIMPLEMENTED]: 'ROLE_NOT_OFFERED',
  [status.UNAVAILABLE]: 'AGENT_UNREACHABLE',
  [status.UNAUTHENTICATED]: 'CALLER_UNKNOWN',
};

/**
 * What a call of grpc-js threw, as a PodhandError: the reason that the agent gave, or the nearest one for the code.
 * A call that `signal` ended is CANCELLED with the signal's reason as its cause.
 */
export function toPodhandError(error: unknown, signal?: AbortSignal): PodhandError {
  if (error instanceof PodhandError) return error;
  if (!isServiceError(error)) return new PodhandError('INTERNAL', messageOf(error), { cause: error });
  const trailer = error.metadata.get(statusDetailsKey)[0];
  const facts = Buffer.isBuffer(trailer) ? decodeErrorInfo(trailer) : undefined;
  if (facts === undefined && signal?.aborted) {
    return new PodhandError('CANCELLED', 'the call was cancelled', { cause: signal.reason });
  }
  if (facts?.domain === errorDomain) {
    const details = { ...facts.metadata };
    if (isReason(facts.reason)) return new PodhandError(facts.reason, error.details, { details, cause: error });
    // A newer agent knows more reasons than this client.
    return new PodhandError(reasonOfCode[error.code] ?? 'INTERNAL', error.details, {
      details: { ...details, reason: facts.reason },
      cause: error,
    });
  }
  const reason = isTransportFailure(error) ? 'AGENT_UNREACHABLE' : (reasonOfCode[error.code] ?? 'INTERNAL');
  return new PodhandError(reason, error.details, { cause: error });
}

/** grpc-js gives the HTTP/2 code of a stream that ended without trailers: the agent did not say this status. */
function isTransportFailure(error: ServiceError): boolean {
  return error.code === status.INTERNAL && 'rstCode' in error && error.rstCode !== undefined;
}

function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && 'code' in error && typeof error.code === 'number' && 'metadata' in error;
}

function isReason(text: string): text is Reason {
  return Object.hasOwn(reasons, text);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
