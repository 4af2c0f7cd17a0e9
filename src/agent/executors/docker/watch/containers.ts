import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { PodStore } from '../../../pods/store.ts';
import type { ContainersRole } from '../../roles.ts';
import type { Engine } from '../engine.ts';
import { isEngineAway } from '../engine-error.ts';
import { ContainerRefresh } from './container-refresh.ts';
import { openEvents, readEvents } from './engine-events.ts';
import { KeyedQueue } from './keyed-queue.ts';
import { podUidLabel } from './pod-labels.ts';

const backoffMs = { first: 100, longest: 5_000 };
/** The engine's clock is the node's; the margin covers what happened while the request was on its way. */
const eventOverlapMs = 1_000;
const limits = { parallel: 16, maxPending: 8_192 };

/**
 * The pods of this node as its Docker engine has them: one event stream for the node, one list per connection, and one
 * inspect per event of a pod's container. No call of ours asks the engine about a state.
 */
export class DockerContainers implements ContainersRole {
  readonly #engine: Engine;
  readonly #log: Logger;
  readonly #podRemovalDelayMs: number;
  #connected = false;

  constructor(engine: Engine, log: Logger, podRemovalDelayMs: number) {
    this.#engine = engine;
    this.#log = log;
    this.#podRemovalDelayMs = podRemovalDelayMs;
  }

  get connected(): boolean {
    return this.#connected;
  }

  async feed(store: PodStore, signal: AbortSignal): Promise<void> {
    const refresh = new ContainerRefresh(this.#engine, store, this.#log, this.#podRemovalDelayMs, signal);
    await new Promise<void>((resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
      this.#run(refresh, signal, resolve).catch(reject);
    });
  }

  async #run(refresh: ContainerRefresh, signal: AbortSignal, listed: () => void): Promise<void> {
    let failures = 0;
    while (!signal.aborted) {
      try {
        await this.#connection(refresh, signal, () => {
          failures = 0;
          this.#connected = true;
          listed();
        });
        this.#log.warn('the container engine ended its event stream');
      } catch (error) {
        if (!signal.aborted) this.#log.warn({ err: error, away: isEngineAway(error) }, 'lost the container engine');
      } finally {
        this.#connected = false;
      }
      const delay = Math.min(backoffMs.longest, backoffMs.first * 2 ** failures) * (0.5 + Math.random() / 2);
      failures += 1;
      await sleep(delay, undefined, { signal }).catch(() => {});
    }
  }

  /** Subscribes first and lists then, so that nothing falls between; returns or throws when the stream is over. */
  async #connection(refresh: ContainerRefresh, outer: AbortSignal, listed: () => void): Promise<void> {
    const lost = new AbortController();
    const signal = AbortSignal.any([outer, lost.signal]);
    const work = new KeyedQueue(limits);
    const failed = Promise.withResolvers<never>();
    try {
      const stream = await openEvents(this.#engine, new Date(Date.now() - eventOverlapMs), signal);
      const events = (async () => {
        for await (const batch of readEvents(stream)) {
          for (const event of batch) {
            // Its failure is that of the engine: begin again with a list. So is a queue that is full.
            work.add(event.id, () => refresh.apply(event, signal)).catch(failed.reject);
          }
        }
      })();
      const list = async () => {
        const present = await this.#engine.listByLabel(podUidLabel, signal);
        present.sort((a, b) => a.Created - b.Created);
        const ids = new Set([...present.map((container) => container.Id), ...refresh.present()]);
        await Promise.all([...ids].map((id) => work.add(id, () => refresh.look(id, signal))));
        listed();
        await events;
      };
      await Promise.race([list(), events, failed.promise]);
    } finally {
      lost.abort();
    }
  }
}
