import { Client, credentials, Metadata } from '@grpc/grpc-js';
import { PodhandError } from '../wire/errors.ts';
import { parseTraceparent } from '../wire/trace-context.ts';
import { type SocketTarget, socketTarget } from './socket-target.ts';

/** No message of the service is larger: streams are cut into chunks of 64 KiB, a full pod is under 2 MiB. */
const maxReceivedBytes = 4 * 1024 * 1024;
const maxSentBytes = 256 * 1024;

const channelOptions = {
  'grpc.max_receive_message_length': maxReceivedBytes,
  'grpc.max_send_message_length': maxSentBytes,
  // Retrying is done in one place, above; grpc-js would also keep a copy of every message for it.
  'grpc.enable_retries': 0,
  'grpc.service_config_disable_resolution': 1,
  'grpc.enable_http_proxy': 0,
  // Targets name descriptors of this process: a connection made for one must never serve another.
  'grpc.use_local_subchannel_pool': 1,
  'grpc.initial_reconnect_backoff_ms': 50,
  'grpc.max_reconnect_backoff_ms': 2000,
};

export interface Address {
  /** Path of the agent's socket, of any length. */
  readonly socketPath?: string;
  /** Instead of a path: a gRPC target. */
  readonly address?: string;
  /** Admin socket only: the pod that calls are about, `namespace/name` or a uid. */
  readonly pod?: string;
  /** W3C trace context that is sent with every call; one that is malformed is not sent. */
  readonly traceparent?: string | undefined;
}

/** One HTTP/2 connection to the agent, made at the first call and again after `renew`. */
export class Connection {
  /** For people: the socket's path, or the target. */
  readonly name: string;
  readonly #address: Address;
  #open: { client: Client; target: SocketTarget } | undefined;
  #generation = 0;
  #closed = false;

  constructor(address: Address) {
    this.#address = address;
    this.name = address.socketPath ?? address.address ?? '';
    if (this.name === '') throw new PodhandError('INVALID_REQUEST', 'socketPath or address must be given');
  }

  /** Errors: AGENT_UNREACHABLE where the directory of a long socket path is not there; CANCELLED after `close`. */
  get client(): Client {
    if (this.#closed) throw new PodhandError('CANCELLED', 'the client was closed');
    this.#open ??= this.#connect();
    return this.#open.client;
  }

  get metadata(): Metadata {
    const metadata = new Metadata();
    if (this.#address.pod !== undefined) metadata.set('podhand-pod', this.#address.pod);
    const { traceparent } = this.#address;
    if (traceparent !== undefined && parseTraceparent(traceparent) !== undefined)
      metadata.set('traceparent', traceparent);
    return metadata;
  }

  /**
   * Resolves once the connection stands. Errors: AGENT_UNREACHABLE if it cannot be made within 5 s, CANCELLED when
   * `signal` aborts meanwhile.
   */
  async ready(signal?: AbortSignal, deadline?: Date): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const latest = Math.min(Date.now() + 5000, deadline?.getTime() ?? Number.POSITIVE_INFINITY);
    const onAbort = (): void =>
      reject(new PodhandError('CANCELLED', 'the call was cancelled', { cause: signal?.reason }));
    signal?.addEventListener('abort', onAbort, { once: true });
    this.client.waitForReady(latest, (cause) => {
      if (cause === undefined) resolve();
      else reject(new PodhandError('AGENT_UNREACHABLE', `no connection to ${this.name}`, { cause }));
    });
    try {
      await promise;
    } finally {
      signal?.removeEventListener('abort', onAbort);
    }
  }

  /** Counts the connections that were thrown away. */
  get generation(): number {
    return this.#generation;
  }

  /** The next call connects anew. Calls in progress on the old connection end by themselves. */
  renew(generation: number): void {
    // Calls that fail together all ask; only the first of them throws the connection away.
    if (generation !== this.#generation) return;
    this.#generation += 1;
    this.#discard();
  }

  close(): void {
    this.#closed = true;
    this.#discard();
  }

  #connect(): { client: Client; target: SocketTarget } {
    const { socketPath, address = '' } = this.#address;
    const target = socketPath === undefined ? { target: address, release: () => undefined } : this.#resolve(socketPath);
    return { target, client: new Client(target.target, credentials.createInsecure(), channelOptions) };
  }

  #resolve(socketPath: string): SocketTarget {
    try {
      return socketTarget(socketPath);
    } catch (cause) {
      throw new PodhandError('AGENT_UNREACHABLE', `no directory for the socket ${socketPath}`, { cause });
    }
  }

  #discard(): void {
    this.#open?.client.close();
    this.#open?.target.release();
    this.#open = undefined;
  }
}
