import { WebSocket } from 'ws';
import { z } from 'zod';
import { PodhandError } from '../../wire/errors.ts';
import type { KubernetesEndpoint } from './endpoint.ts';
import { KubernetesStatusError } from './status-error.ts';

/** How a program ended that was run in a container. `failed`: the runtime could not start it, or lost it. */
export type ExecEnd = { readonly exitCode: number } | 'failed';

const protocol = 'v4.channel.k8s.io';
/** The channel that carries the end, as a Status in JSON. */
const endChannel = 3;
const limits = { message: 64 * 1024, end: 64 * 1024 };
const endsWithinMs = 30_000;

const endSchema = z.object({
  status: z.string(),
  reason: z.string().optional(),
  details: z
    .object({ causes: z.array(z.object({ reason: z.string().optional(), message: z.string().optional() })).optional() })
    .optional(),
});

/**
 * Runs a program in a container to its end, by a WebSocket of kubelet or API server, and answers its exit status; what
 * it prints is dropped. `path` is the server's, with the argv in its query. Errors: the raw ones, KubernetesStatusError,
 * and RUNTIME_UNAVAILABLE where it has not ended within `withinMs`.
 */
export async function execute(
  endpoint: Pick<KubernetesEndpoint, 'origin' | 'authorized'>,
  path: string,
  signal: AbortSignal,
  withinMs = endsWithinMs,
): Promise<ExecEnd> {
  const timeout = AbortSignal.timeout(withinMs);
  try {
    return await endpoint.authorized((token) => run(endpoint, path, token, AbortSignal.any([signal, timeout])));
  } catch (error) {
    if (!timeout.aborted || signal.aborted) throw error;
    const message = `a program that was to run in the container has not ended within ${withinMs / 1000} s`;
    throw new PodhandError('RUNTIME_UNAVAILABLE', message, { cause: error });
  }
}

function run(
  endpoint: Pick<KubernetesEndpoint, 'origin'>,
  path: string,
  token: string,
  signal: AbortSignal,
): Promise<ExecEnd> {
  signal.throwIfAborted();
  const { url, ca } = endpoint.origin;
  const { promise, resolve, reject } = Promise.withResolvers<ExecEnd>();
  const socket = new WebSocket(`${url}${path}`, [protocol], {
    ca,
    headers: { authorization: `Bearer ${token}` },
    handshakeTimeout: endsWithinMs,
    maxPayload: limits.message,
    perMessageDeflate: false,
    followRedirects: false,
  });
  const end: Buffer[] = [];
  let endBytes = 0;
  const abort = () => {
    reject(signal.reason);
    socket.terminate();
  };
  signal.addEventListener('abort', abort, { once: true });
  socket.on('message', (data: Buffer) => {
    if (data[0] !== endChannel) return;
    endBytes += data.length;
    if (endBytes > limits.end) socket.terminate();
    else end.push(data.subarray(1));
  });
  socket.on('unexpected-response', (_request, response) => {
    reject(new KubernetesStatusError(response.statusCode ?? 0, 'instead of a WebSocket'));
    response.destroy();
    socket.terminate();
  });
  socket.on('error', reject);
  socket.on('close', () => resolve(parseEnd(Buffer.concat(end))));
  return promise.finally(() => signal.removeEventListener('abort', abort));
}

/** The exit status in the last message of an exec. Nothing, or none that says one: `failed`. */
export function parseEnd(json: Buffer): ExecEnd {
  const parsed = endSchema.safeParse(parseJson(json));
  if (!parsed.success) return 'failed';
  const { status, reason, details } = parsed.data;
  if (status === 'Success') return { exitCode: 0 };
  if (reason !== 'NonZeroExitCode') return 'failed';
  const code = details?.causes?.find((cause) => cause.reason === 'ExitCode')?.message ?? '';
  return /^\d{1,3}$/.test(code) ? { exitCode: Number(code) } : 'failed';
}

function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    // Cut off, or nothing at all: it says nothing.
    return undefined;
  }
}
