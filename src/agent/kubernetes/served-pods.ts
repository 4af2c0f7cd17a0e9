import type { Logger } from 'pino';
import type { PodStore } from '../pods/store.ts';
import type { KubernetesEndpoint } from './endpoint.ts';
import type { NodePods } from './node-pods.ts';
import { PodFeed } from './pod-feed.ts';
import type { PodJson } from './pod-json.ts';

export interface ServedPodsOptions {
  readonly endpoint: KubernetesEndpoint;
  readonly forgetAfterMs: number;
  /** See PodFeed. */
  readonly podLogsDir?: string;
  readonly log: Logger;
}

/** The pods of this node as a server tells of them. How it is asked is the subclass's: once for the node. */
export abstract class ServedPods implements NodePods {
  protected readonly endpoint: KubernetesEndpoint;
  readonly #server: string;
  readonly #options: ServedPodsOptions;
  #feed: { readonly pods: PodFeed; readonly store: PodStore } | undefined;
  #connected = false;
  #saidAway = false;

  /** `server`: its name in the log. */
  constructor(server: string, options: ServedPodsOptions) {
    this.#server = server;
    this.#options = options;
    this.endpoint = options.endpoint;
  }

  get connected(): boolean {
    return this.#connected;
  }

  get store(): PodStore | undefined {
    return this.#feed?.store;
  }

  pod(uid: string): PodJson | undefined {
    return this.#feed?.pods.pod(uid);
  }

  async feed(store: PodStore, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const { forgetAfterMs, podLogsDir, log } = this.#options;
    const pods = new PodFeed({ store, forgetAfterMs, ...(podLogsDir !== undefined && { podLogsDir }), log }, signal);
    this.#feed = { pods, store };
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    this.follow(pods, signal, resolve).catch(reject);
    await promise;
  }

  abstract hasten(): void;

  /** Asks until `signal` aborts, however often the server is lost; calls `listed` once all pods were told of. */
  protected abstract follow(pods: PodFeed, signal: AbortSignal, listed: () => void): Promise<void>;

  protected answers(): void {
    if (!this.#connected) this.#options.log.info(`${this.#server} answers`);
    this.#connected = true;
    this.#saidAway = false;
  }

  /** Said once for each time: also where it has never answered, which is how a right that is missing shows. */
  protected lost(error: unknown): void {
    const { log } = this.#options;
    if (this.#saidAway) log.debug({ err: error }, `${this.#server} is still away`);
    else log.warn({ err: error }, this.#connected ? `lost ${this.#server}` : `${this.#server} does not answer`);
    this.#saidAway = true;
    this.#connected = false;
  }
}
