import { type Container, hasEnded } from '../../src/agent/pods/model.ts';
import { type PodChange, PodStore } from '../../src/agent/pods/store.ts';

/** A store of pods, and everything that it was told, in order. */
export class ToldStore {
  readonly store = new PodStore();
  readonly changes: PodChange[] = [];
  readonly #stop = new AbortController();

  constructor() {
    this.store.subscribe((change) => this.changes.push(change), this.#stop.signal);
  }

  /** Aborts with `stop`. */
  protected get signal(): AbortSignal {
    return this.#stop.signal;
  }

  stop(): void {
    this.#stop.abort();
  }

  /** Resolves with the container once it is as asked, however long that takes. */
  until(podUid: string, name: string, wanted: (container: Container) => boolean): Promise<Container> {
    const { promise, resolve } = Promise.withResolvers<Container>();
    const done = new AbortController();
    const look = () => {
      const found = this.store.attempts(podUid).findLast((one) => one.name === name && wanted(one));
      if (found === undefined) return;
      done.abort();
      resolve(found);
    };
    this.store.subscribe(look, done.signal);
    look();
    return promise;
  }

  ended(podUid: string, name: string): Promise<Container> {
    return this.until(podUid, name, hasEnded);
  }

  /** The states of one container name in the order in which they were told. */
  told(podUid: string, name: string): Container[] {
    return this.changes.flatMap((change) => {
      const isIt = change.type === 'container' && change.pod.uid === podUid && change.container.name === name;
      return isIt ? [change.container] : [];
    });
  }
}
