import { Metadata, type ServiceError, type StatusObject } from '@grpc/grpc-js';
import { encodeErrorInfo } from '../../wire/error-info.ts';
import { isAbort, PodhandError } from '../../wire/errors.ts';
import type { CallEnd } from './call-end.ts';

type Ending = Pick<CallEnd, 'aborted' | 'reason'>;

/**
 * The one place where an error becomes a gRPC status. What is not a PodhandError is a bug or a fault that nobody
 * classified: the caller learns INTERNAL and nothing of the node; the log gets the cause.
 */
export function toStatus(
  error: unknown,
  call: Ending,
): Pick<ServiceError, 'code' | 'details' | 'metadata'> & StatusObject {
  const known = classify(error, call);
  const metadata = new Metadata();
  metadata.set('grpc-status-details-bin', encodeErrorInfo(known));
  const retryAfter = known.details.retryAfterMs;
  if (retryAfter !== undefined) metadata.set('retry-after-ms', retryAfter);
  return { code: known.code, details: known.message, metadata };
}

/** The error as a PodhandError: an abort takes the reason that the call was ended with. */
export function classify(error: unknown, call: Ending): PodhandError {
  if (error instanceof PodhandError) return error;
  if (isAbort(error) || (call.aborted && error === call.reason)) {
    if (call.reason instanceof PodhandError) return call.reason;
    return new PodhandError('CANCELLED', 'the call was cancelled', { cause: error });
  }
  return new PodhandError('INTERNAL', 'podhand failed; the agent log has the cause', { cause: error });
}
