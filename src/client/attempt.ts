import type { Client, ClientReadableStream, CallOptions as GrpcCallOptions } from '@grpc/grpc-js';
import { PodhandError } from '../wire/errors.ts';
import type { Connection } from './connection.ts';

/** What one attempt of a call is given. */
export interface Attempt {
  readonly connection: Connection;
  readonly signal: AbortSignal | undefined;
  readonly deadline: Date | undefined;
  /** To be called as soon as the agent has answered anything at all. */
  onAnswer(): void;
}

/** The part of a method's definition that a client needs. */
interface Method<Request, Response> {
  readonly path: string;
  requestSerialize(message: Request): Buffer;
  responseDeserialize(bytes: Buffer): Response;
}

/** One attempt of a unary call, as a stream of one message. */
export async function* unaryAttempt<Request, Response>(
  method: Method<Request, Response>,
  request: Request,
  attempt: Attempt,
): AsyncGenerator<Response, void, undefined> {
  const client = begin(attempt);
  const { promise, resolve, reject } = Promise.withResolvers<Response>();
  const call = client.makeUnaryRequest(
    method.path,
    method.requestSerialize,
    method.responseDeserialize,
    request,
    attempt.connection.metadata,
    options(attempt),
    (error, response) => (error === null && response !== undefined ? resolve(response) : reject(error)),
  );
  const cancel = (): void => call.cancel();
  attempt.signal?.addEventListener('abort', cancel, { once: true });
  try {
    yield await promise;
  } finally {
    attempt.signal?.removeEventListener('abort', cancel);
  }
}

/**
 * One attempt of a server stream. Messages are taken at the consumer's pace: at most sixteen are held beyond the one
 * that it has, the rest waits in the agent behind HTTP/2's window. Leaving the loop cancels the call.
 */
export async function* streamAttempt<Request, Response>(
  method: Method<Request, Response>,
  request: Request,
  attempt: Attempt,
): AsyncGenerator<Response, void, undefined> {
  const call: ClientReadableStream<Response> = begin(attempt).makeServerStreamRequest(
    method.path,
    method.requestSerialize,
    method.responseDeserialize,
    request,
    attempt.connection.metadata,
    options(attempt),
  );
  const cancel = (): void => call.cancel();
  // grpc-js emits the status of a cancelled call as an error, also when nobody iterates any more.
  call.on('error', () => undefined);
  call.once('metadata', () => attempt.onAnswer());
  attempt.signal?.addEventListener('abort', cancel, { once: true });
  let ended = false;
  try {
    yield* call as AsyncIterable<Response>;
    ended = true;
  } finally {
    attempt.signal?.removeEventListener('abort', cancel);
    if (!ended) call.cancel();
  }
}

function begin(attempt: Attempt): Client {
  const { signal } = attempt;
  if (signal?.aborted) throw new PodhandError('CANCELLED', 'the call was cancelled', { cause: signal.reason });
  return attempt.connection.client;
}

function options(attempt: Attempt): GrpcCallOptions {
  return attempt.deadline === undefined ? {} : { deadline: attempt.deadline };
}
