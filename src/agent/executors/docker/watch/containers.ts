import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { Backoff } from '../../../backoff.ts';
import type { PodStore } from '../../../pods/store.ts';
import { Moment } from '../../../steady-clock.ts';
import type { ContainersRole } from '../../roles.ts';
import type { Engine } from '../engine.ts';
import { isEngineAway } from '../engine-error.ts';
import { ContainerRefresh } from './container-refresh.ts';
import { type EngineEvent, openEvents, readEvents } from './engine-events.ts';
import { KeyedQueue } from './keyed-queue.ts';
import { podUidLabel } from './pod-labels.ts';

/** The engine's clock is the node's; the margin covers what happened while a request was on its way. */
const eventOverlapMs = 1_000;
/** How soon, and how seldom in the end, a container that is unsettled is looked at again. */
const lookAgainMs = { first: 200, longest: 10_000 };
const limits = { parallel: 64, maxPending: 50_000 };

/**
 * The pods of this node as its Docker engine has them: one event stream for the node, one list per connection, and one
 * inspect per event of a pod's container, and some for a container that was created and does not start. Waiting calls
 * read the store: they cost the engine nothing.
 */
export class DockerContainers implements ContainersRole {
  readonly #engine: Engine;
  readonly #log: Logger;
  readonly #podRemovalDelayMs: number;
  #connected = false;
  #store: PodStore | undefined;

  constructor(engine: Engine, log: Logger, podRemovalDelayMs: number) {
    this.#engine = engine;
    this.#log = log;
    this.#podRemovalDelayMs = podRemovalDelayMs;
  }

  get connected(): boolean {
    return this.#connected;
  }

  /** The store that is fed; undefined before `feed`. */
  get store(): PodStore | undefined {
    return this.#store;
  }

  async feed(store: PodStore, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    this.#store = store;
    const refresh = new ContainerRefresh(this.#engine, store, this.#log, this.#podRemovalDelayMs, signal);
    await new Promise<void>((resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
      this.#run(refresh, signal, resolve).catch(reject);
    });
  }

  async #run(refresh: ContainerRefresh, signal: AbortSignal, listed: () => void): Promise<void> {
    const backoff = new Backoff();
    let watchedUntil = new Moment();
    while (!signal.aborted) {
      try {
        await this.#connection(refresh, watchedUntil, signal, () => {
          backoff.reset();
          this.#connected = true;
          listed();
        });
        this.#log.warn('the container engine ended its event stream');
      } catch (error) {
        if (!signal.aborted) this.#log.warn({ err: error, away: isEngineAway(error) }, 'lost the container engine');
      } finally {
        if (this.#connected) watchedUntil = new Moment();
        this.#connected = false;
      }
      await backoff.pause(signal).catch(() => {});
    }
  }

  /** Subscribes first and lists then, so that nothing falls between; returns or throws when the stream is over. */
  async #connection(
    refresh: ContainerRefresh,
    watchedUntil: Moment,
    outer: AbortSignal,
    listed: () => void,
  ): Promise<void> {
    const lost = new AbortController();
    const signal = AbortSignal.any([outer, lost.signal]);
    const work = new KeyedQueue(limits);
    const failed = Promise.withResolvers<never>();
    try {
      const since = new Date(watchedUntil.earliest.getTime() - eventOverlapMs);
      const stream = await openEvents(this.#engine, since, signal);
      // What happened while the list was told is looked at after it: attempts are numbered in order.
      let early: EngineEvent[] | undefined = [];
      const apply = (event: EngineEvent) => {
        // Its failure is that of the engine: begin again with a list. So is a queue that is full.
        work.add(event.id, () => refresh.apply(event, signal)).catch(failed.reject);
      };
      const events = (async () => {
        for await (const batch of readEvents(stream)) {
          if (early === undefined) batch.forEach(apply);
          else if (early.push(...batch) > limits.maxPending) throw new Error('too many events while listing');
        }
      })();
      const list = async () => {
        const vanished = await this.#list(refresh, work, signal);
        const waited = early;
        early = undefined;
        waited?.forEach(apply);
        // After the events, which may tell how they ended: the engine remembers some hundred.
        await Promise.all(vanished.map((id) => work.add(id, () => refresh.look(id, signal))));
        listed();
        const look = (id: string) => {
          work.add(id, () => refresh.look(id, signal)).catch(failed.reject);
        };
        await Promise.all([events, this.#lookAtUnsettled(refresh.unsettled, look, signal)]);
      };
      await Promise.race([list(), events, failed.promise]);
    } finally {
      lost.abort();
    }
  }

  /** Looks at all that is there; the answer is what was there before, and is not any more. */
  async #list(refresh: ContainerRefresh, work: KeyedQueue, signal: AbortSignal): Promise<string[]> {
    const present = await this.#engine.listByLabel(podUidLabel, signal);
    // The newest comes first; the times in a list are whole seconds.
    const ids = present.map((container) => container.Id).reverse();
    // Asked side by side, told in the order of their creation: what is an attempt depends on those before it, and a
    // pod is what its sandbox says.
    let before = Promise.resolve();
    const looks = ids.map((id) => {
      const turn = before;
      const told = Promise.withResolvers<void>();
      before = told.promise;
      return work.add(id, () => refresh.look(id, signal, turn).finally(told.resolve));
    });
    const here = new Set(ids);
    const vanished = refresh.present().filter((id) => !here.has(id));
    await Promise.all(looks);
    return vanished;
  }

  /** Looks at what may change without an event, ever more seldom. */
  async #lookAtUnsettled(
    unsettled: ReadonlySet<string>,
    look: (id: string) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const next = new Map<string, { at: number; delay: number }>();
    for (;;) {
      await sleep(lookAgainMs.first, undefined, { signal });
      for (const id of next.keys()) if (!unsettled.has(id)) next.delete(id);
      for (const id of unsettled) {
        const last = next.get(id);
        if (last !== undefined && last.at > performance.now()) continue;
        const delay = Math.min(lookAgainMs.longest, 2 * (last?.delay ?? lookAgainMs.first / 2));
        next.set(id, { at: performance.now() + delay, delay });
        look(id);
      }
    }
  }
}
