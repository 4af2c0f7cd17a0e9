import { Pool } from 'undici';
import { ResponseStream } from '../http/response-stream.ts';
import { CredentialFiles } from './credentials.ts';
import { KubernetesStatusError } from './status-error.ts';

export interface EndpointOptions {
  /** `https://host:port`. */
  readonly url: string;
  readonly caFile: string;
  readonly tokenFile: string;
}

const headersTimeoutMs = 60_000;
const maxErrorText = 4096;

/**
 * A kubelet or an API server over TLS, verified by the cluster's CA, with the agent's service-account token. A token
 * that is refused is read from its file again, once per request. Errors are the raw ones and KubernetesStatusError;
 * `translateKubernetesError` reads them.
 */
export class KubernetesEndpoint {
  readonly #url: string;
  readonly #credentials: CredentialFiles;
  #pool: { readonly ca: string; readonly pool: Pool } | undefined;

  constructor(options: EndpointOptions) {
    this.#url = options.url;
    this.#credentials = new CredentialFiles(options);
  }

  /** The body of an answer of status 200. The caller reads it to its end or closes it; it may be silent for ever. */
  async stream(path: string, signal: AbortSignal): Promise<ResponseStream> {
    return await this.authorized(async (token) => {
      const headers = { authorization: `Bearer ${token}`, accept: 'application/json, */*' };
      const stream = await ResponseStream.open(this.#currentPool(), { method: 'GET', path, headers }, signal);
      if (stream.statusCode === 200) return stream;
      throw new KubernetesStatusError(stream.statusCode, await stream.text(maxErrorText));
    });
  }

  /** A whole JSON answer. Throws a RangeError where it is larger than `maxBytes`. */
  async json(
    path: string,
    limits: { readonly maxBytes: number; readonly withinMs: number },
    signal: AbortSignal,
  ): Promise<unknown> {
    const bounded = AbortSignal.any([signal, AbortSignal.timeout(limits.withinMs)]);
    const stream = await this.stream(path, bounded);
    try {
      const parts: Buffer[] = [];
      let length = 0;
      for (let batch = await stream.read(); batch !== undefined; batch = await stream.read()) {
        for (const part of batch) length += part.length;
        if (length > limits.maxBytes) throw new RangeError(`an answer of more than ${limits.maxBytes} bytes`);
        parts.push(...batch);
      }
      return JSON.parse(Buffer.concat(parts, length).toString('utf8'));
    } finally {
      stream.close();
    }
  }

  /** Creates an object; answered by status 201. */
  async create(
    path: string,
    object: object,
    { withinMs }: { readonly withinMs: number },
    signal: AbortSignal,
  ): Promise<void> {
    const bounded = AbortSignal.any([signal, AbortSignal.timeout(withinMs)]);
    const body = JSON.stringify(object);
    await this.authorized(async (token) => {
      const headers = {
        authorization: `Bearer ${token}`,
        accept: 'application/json',
        'content-type': 'application/json',
      };
      const stream = await ResponseStream.open(this.#currentPool(), { method: 'POST', path, headers, body }, bounded);
      try {
        if (stream.statusCode !== 201)
          throw new KubernetesStatusError(stream.statusCode, await stream.text(maxErrorText));
      } finally {
        stream.close();
      }
    });
  }

  /** What a WebSocket needs: `authorized` gives the token. */
  get origin(): { readonly url: string; readonly ca: string } {
    return { url: this.#url.replace(/^http/, 'ws'), ca: this.#credentials.get().ca };
  }

  /** Runs `request` with the token; once more with the next one where the first was refused (status 401). */
  async authorized<T>(request: (token: string) => Promise<T>): Promise<T> {
    const { token } = this.#credentials.get();
    try {
      return await request(token);
    } catch (error) {
      const refused = error instanceof KubernetesStatusError && error.status === 401;
      if (!refused || !this.#credentials.renew(token)) throw error;
      return await request(this.#credentials.get().token);
    }
  }

  /** Ends every connection; streams still open fail. */
  async close(): Promise<void> {
    await this.#pool?.pool.destroy();
  }

  /** A new one where the cluster's CA has changed; what runs over the old one may end. */
  #currentPool(): Pool {
    const { ca } = this.#credentials.get();
    if (this.#pool?.ca === ca) return this.#pool.pool;
    void this.#pool?.pool.close();
    // One request per connection and no bound of our own on connections: each is a stream of a call, and calls are
    // bounded where they come in. Not HTTP/2, which undici would take: there all calls share one connection, its window
    // and its end, and none of them is begun while it does not answer. No body timeout: a followed log may be silent
    // for days.
    const pool = new Pool(this.#url, {
      allowH2: false,
      connect: { ca, keepAlive: true, keepAliveInitialDelay: 30_000 },
      pipelining: 1,
      bodyTimeout: 0,
      headersTimeout: headersTimeoutMs,
      keepAliveTimeout: 10_000,
    });
    this.#pool = { ca, pool };
    return pool;
  }
}
