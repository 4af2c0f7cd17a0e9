import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { z } from 'zod';
import { Backoff } from '../../backoff.ts';
import type { KubernetesEndpoint } from '../../kubernetes/endpoint.ts';
import type { NodePods } from '../../kubernetes/node-pods.ts';
import { PodFeed } from '../../kubernetes/pod-feed.ts';
import type { PodJson } from '../../kubernetes/pod-json.ts';
import type { PodStore } from '../../pods/store.ts';
import { podsPath } from './kubelet-paths.ts';

export interface KubeletPodsOptions {
  readonly endpoint: KubernetesEndpoint;
  readonly pollIntervalMs: number;
  readonly forgetAfterMs: number;
  /** See PodFeed. */
  readonly podLogsDir?: string;
  readonly log: Logger;
}

const listSchema = z.object({ items: z.array(z.unknown()).nullish() });
const listLimits = { maxBytes: 32 * 1024 * 1024, withinMs: 15_000 };
/** How often, and for how long, the kubelet is asked while something is about to end. */
const quick = { everyMs: 200, forMs: 20_000 };
/** A kubelet that has just started answers with no pods until it has heard of them. */
const emptyBelievedAfterMs = 30_000;

/**
 * The pods of this node as its kubelet has them: one poll for the node, however many calls wait, quicker while something
 * is about to end.
 */
export class KubeletPods implements NodePods {
  readonly #options: KubeletPodsOptions;
  #feed: { readonly pods: PodFeed; readonly store: PodStore } | undefined;
  #connected = false;
  #quickUntil = 0;
  #wake = new AbortController();
  #emptySince: number | undefined;

  constructor(options: KubeletPodsOptions) {
    this.#options = options;
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

  hasten(): void {
    const isNew = performance.now() > this.#quickUntil;
    this.#quickUntil = performance.now() + quick.forMs;
    if (isNew) this.#wake.abort();
  }

  async feed(store: PodStore, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const { forgetAfterMs, podLogsDir, log } = this.#options;
    const pods = new PodFeed({ store, forgetAfterMs, ...(podLogsDir !== undefined && { podLogsDir }), log }, signal);
    this.#feed = { pods, store };
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    this.#poll(pods, signal, resolve).catch(reject);
    await promise;
  }

  async #poll(pods: PodFeed, signal: AbortSignal, listed: () => void): Promise<void> {
    const backoff = new Backoff();
    while (!signal.aborted) {
      try {
        this.#take(pods, await this.#list(signal));
        if (!this.#connected) this.#options.log.info('the kubelet answers');
        this.#connected = true;
        backoff.reset();
        listed();
        await this.#pause(pods, signal);
      } catch (error) {
        if (signal.aborted) return;
        if (this.#connected) this.#options.log.warn({ err: error }, 'lost the kubelet');
        else this.#options.log.debug({ err: error }, 'the kubelet is still away');
        this.#connected = false;
        await backoff.pause(signal).catch(() => {});
      }
    }
  }

  async #list(signal: AbortSignal): Promise<unknown[]> {
    const answer = listSchema.parse(await this.#options.endpoint.json(podsPath, listLimits, signal));
    return answer.items ?? [];
  }

  #take(pods: PodFeed, items: unknown[]): void {
    if (items.length > 0 || pods.size === 0) {
      this.#emptySince = undefined;
      pods.replace(items);
      return;
    }
    this.#emptySince ??= performance.now();
    if (performance.now() - this.#emptySince >= emptyBelievedAfterMs) pods.replace(items);
  }

  async #pause(pods: PodFeed, signal: AbortSignal): Promise<void> {
    const { pollIntervalMs } = this.#options;
    const isQuick = pods.isEnding || performance.now() < this.#quickUntil;
    const delay = isQuick ? Math.min(quick.everyMs, pollIntervalMs) : pollIntervalMs;
    this.#wake = new AbortController();
    // Woken early where something is about to end.
    await sleep(delay, undefined, { signal: AbortSignal.any([signal, this.#wake.signal]) }).catch(() => {});
  }
}
