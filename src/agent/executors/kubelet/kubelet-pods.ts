import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { Backoff } from '../../backoff.ts';
import type { PodFeed } from '../../kubernetes/pod-feed.ts';
import { ServedPods, type ServedPodsOptions } from '../../kubernetes/served-pods.ts';
import { podsPath } from './kubelet-paths.ts';

export interface KubeletPodsOptions extends ServedPodsOptions {
  readonly pollIntervalMs: number;
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
export class KubeletPods extends ServedPods {
  readonly #pollIntervalMs: number;
  #quickUntil = 0;
  #wake = new AbortController();
  #emptySince: number | undefined;

  constructor({ pollIntervalMs, ...options }: KubeletPodsOptions) {
    super('the kubelet', options);
    this.#pollIntervalMs = pollIntervalMs;
  }

  override hasten(): void {
    const isNew = performance.now() > this.#quickUntil;
    this.#quickUntil = performance.now() + quick.forMs;
    if (isNew) this.#wake.abort();
  }

  protected override async follow(pods: PodFeed, signal: AbortSignal, listed: () => void): Promise<void> {
    const backoff = new Backoff();
    while (!signal.aborted) {
      try {
        this.#take(pods, await this.#list(signal));
        this.answers();
        backoff.reset();
        listed();
        await this.#pause(pods, signal);
      } catch (error) {
        if (signal.aborted) return;
        this.lost(error);
        await backoff.pause(signal).catch(() => {});
      }
    }
  }

  async #list(signal: AbortSignal): Promise<unknown[]> {
    const answer = listSchema.parse(await this.endpoint.json(podsPath, listLimits, signal));
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
    const isQuick = pods.isEnding || performance.now() < this.#quickUntil;
    const delay = isQuick ? Math.min(quick.everyMs, this.#pollIntervalMs) : this.#pollIntervalMs;
    this.#wake = new AbortController();
    // Woken early where something is about to end.
    await sleep(delay, undefined, { signal: AbortSignal.any([signal, this.#wake.signal]) }).catch(() => {});
  }
}
