import { WebSocket } from 'ws';
import { z } from 'zod';
import type { KubernetesEndpoint } from './endpoint.ts';
import { KubernetesStatusError } from './status-error.ts';

/** How a program ended that was run in a container. `failed`: the runtime could not start it, or lost it. */
export type ExecEnd = { readonly exitCode: number } | 'failed';

const protocol = 'v4.channel.k8s.io';
/** The channel that carries the end, as a Status in JSON. */
const endChannel = 3;
const limits = { message: 64 * 1024, end: 64 * 1024, withinMs: 30_000 };

const endSchema = z.object({
  status: z.string(),
  reason: z.string().optional(),
  details: z
    .object({ causes: z.array(z.object({ reason: z.string().optional(), message: z.string().optional() })).optional() })
    .optional(),
});

/**
 * Runs a program in a container to its end, by a WebSocket of kubelet or API server, and answers its exit status; what
 * it prints is dropped. `path` is the server's, with the argv in its query. Ends after 30 s. Errors: the raw ones and
 * KubernetesStatusError.
 */
export async function execute(endpoint: KubernetesEndpoint, path: string, signal: AbortSignal): Promise<ExecEnd> {
  const bounded = AbortSignal.any([signal, AbortSignal.timeout(limits.withinMs)]);
  return await endpoint.authorized((token) => run(endpoint, path, token, bounded));
}

function run(endpoint: KubernetesEndpoint, path: string, token: string, signal: AbortSignal): Promise<ExecEnd> {
  signal.throwIfAborted();
  const { url, ca } = endpoint.origin;
  const { promise, resolve, reject } = Promise.withResolvers<ExecEnd>();
  const socket = new WebSocket(`${url}${path}`, [protocol], {
    ca,
    headers: { authorization: `Bearer ${token}` },
    handshakeTimeout: limits.withinMs,
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
