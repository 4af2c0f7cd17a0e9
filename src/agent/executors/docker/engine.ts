import Docker from 'dockerode';
import { Pool } from 'undici';
import { ResponseStream } from '../../http/response-stream.ts';
import { EngineStatusError, engineStatus } from './engine-error.ts';

/** An unary call of the engine takes milliseconds; beyond this it hangs. */
const callTimeoutMs = 60_000;
const maxErrorText = 4096;
const maxJsonBytes = 8 * 1024 * 1024;
const headers = { host: 'docker' };

export type InspectedContainer = Docker.ContainerInspectInfo & { readonly RestartCount?: number };
export type ListedContainer = Pick<Docker.ContainerInfo, 'Id' | 'Labels' | 'Created'>;

/** `path` with its query; values are percent-encoded byte by byte, so that a path need not be UTF-8. */
export function enginePath(
  path: string,
  query: Readonly<Record<string, string | number | Buffer | undefined>>,
): string {
  const pairs = Object.entries(query).flatMap(([key, value]) =>
    value === undefined ? [] : [`${key}=${Buffer.isBuffer(value) ? percentEncode(value) : encodeURIComponent(value)}`],
  );
  return pairs.length === 0 ? path : `${path}?${pairs.join('&')}`;
}

function percentEncode(bytes: Buffer): string {
  let out = '';
  for (const byte of bytes) out += `%${byte.toString(16).padStart(2, '0')}`;
  return out;
}

/**
 * The Docker engine API of this node. dockerode for the calls with a small JSON answer; undici for the bodies that
 * need backpressure (see ResponseStream). Errors are the raw ones: `translateEngineError` reads them.
 */
export class Engine {
  readonly #docker: Docker;
  readonly #pool: Pool;

  constructor(socketPath: string) {
    this.#docker = new Docker({ socketPath });
    // One request per connection and no bound of our own on connections: each is a stream of a call, and calls are
    // bounded where they come in. No body timeout: a followed log may be silent for days.
    this.#pool = new Pool('http://docker', {
      socketPath,
      pipelining: 1,
      bodyTimeout: 0,
      headersTimeout: callTimeoutMs,
      keepAliveTimeout: 4_000,
    });
  }

  /** Every container that has the label, the ended ones included. */
  listByLabel(label: string, signal: AbortSignal): Promise<ListedContainer[]> {
    return this.#docker.listContainers({
      all: true,
      filters: { label: [label] },
      abortSignal: bounded(signal),
    });
  }

  /** undefined: the engine does not have it, or not any more. */
  async inspect(id: string, signal: AbortSignal): Promise<InspectedContainer | undefined> {
    try {
      return await this.#docker.getContainer(id).inspect({ abortSignal: bounded(signal) });
    } catch (error) {
      if (engineStatus(error) === 404) return undefined;
      throw error;
    }
  }

  async kill(id: string, number: number, signal: AbortSignal): Promise<void> {
    await this.#docker.getContainer(id).kill({ signal: String(number), abortSignal: bounded(signal) });
  }

  /** One figure, without the second that the engine else takes for a difference. */
  stats(id: string, signal: AbortSignal): Promise<Docker.ContainerStats> {
    return this.#json(enginePath(`/containers/${id}/stats`, { stream: 'false', 'one-shot': 'true' }), signal);
  }

  image(id: string, signal: AbortSignal): Promise<Docker.ImageInspectInfo> {
    return this.#json(`/images/${encodeURIComponent(id)}/json`, signal);
  }

  /** A body of status 200; any other status is an EngineStatusError. The caller reads it to its end or closes it. */
  async stream(path: string, signal: AbortSignal): Promise<ResponseStream> {
    const stream = await ResponseStream.open(this.#pool, { method: 'GET', path, headers }, signal);
    if (stream.statusCode === 200) return stream;
    throw new EngineStatusError(stream.statusCode, await stream.text(maxErrorText));
  }

  /** The head of an answer, of status 200; any other status is an EngineStatusError. */
  async head(path: string, signal: AbortSignal): Promise<ResponseStream['headers']> {
    const stream = await ResponseStream.open(this.#pool, { method: 'HEAD', path, headers }, bounded(signal));
    await stream.text(0);
    if (stream.statusCode !== 200) throw new EngineStatusError(stream.statusCode, 'no body');
    return stream.headers;
  }

  /** For the calls that dockerode cannot abort. */
  async #json<T>(path: string, signal: AbortSignal): Promise<T> {
    const stream = await this.stream(path, bounded(signal));
    return JSON.parse(await stream.text(maxJsonBytes)) as T;
  }

  /** Ends every connection; streams still open fail. */
  async close(): Promise<void> {
    await this.#pool.destroy();
  }
}

function bounded(signal: AbortSignal): AbortSignal {
  return AbortSignal.any([signal, AbortSignal.timeout(callTimeoutMs)]);
}
