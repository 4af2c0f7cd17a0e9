import type { Logger } from 'pino';
import type { AgentConfig } from '../config/schema.ts';
import type { Container } from '../pods/model.ts';
import { TokenBucket } from '../token-bucket.ts';
import { PlacedSocket, type SocketListener } from './placed-socket.ts';
import { SetupWatch } from './setup-watch.ts';
import type { SocketPlace } from './socket-place.ts';

/** For so long after the first volume was there its mount may be still to come. Milliseconds. */
const setUpFor = 10_000;
/** Between two containers of a pod that has no sandbox, nothing of it lives. Milliseconds. */
const overAfter = 2_000;

interface Options {
  readonly podUid: string;
  readonly podsDirectory: string;
  readonly listener: SocketListener;
  readonly limits: Pick<AgentConfig['limits'], 'connectionsPerSecondPerPod' | 'connectionsPerPod'>;
  /** The emissary, where it is put into the volumes. */
  readonly binary: Uint8Array | undefined;
  readonly log: Logger;
  /** All that is known of the pod has ended, and nothing of it is seen to live. */
  isOver(): boolean;
}

/** The sockets of one pod, from the moment when its directory is made until it has left the node. */
export class PodEntry {
  readonly #options: Options;
  readonly #sockets: PlacedSocket[] = [];
  readonly #pace: TokenBucket;
  /** Let go because the pod is over, so that their volumes can be unmounted. */
  readonly #released = new Set<PlacedSocket>();
  #setUp: SetupWatch | undefined;
  #setUpUntil: number | undefined;
  #started = false;
  #left = false;
  #overSince: number | undefined;

  constructor(options: Options) {
    this.#options = options;
    const { connectionsPerSecondPerPod, connectionsPerPod } = options.limits;
    this.#pace = new TokenBucket(connectionsPerSecondPerPod, connectionsPerPod);
  }

  get standing(): number {
    return this.#sockets.filter((socket) => socket.stands).length;
  }

  /** No connection is accepted for so long. */
  rest(seconds: number): void {
    this.#pace.empty(seconds);
  }

  add(place: SocketPlace): void {
    const { listener, binary } = this.#options;
    const known = this.#sockets.some(({ place: other }) => other.kind === place.kind && other.volume === place.volume);
    if (!known) this.#sockets.push(new PlacedSocket(place, listener, this.#pace, binary));
  }

  /** Watches the pod's directories until its first container has started. */
  watchSetUp(): void {
    if (this.#started || this.#left || this.#setUp !== undefined) return;
    const { podsDirectory, podUid, log } = this.#options;
    this.#setUp = new SetupWatch(podsDirectory, podUid, {
      changed: () => this.check(performance.now()),
      trouble: (err) => log.warn({ err, podUid }, 'the pod’s volumes cannot be watched: its socket may come late'),
    });
    this.#setUp.start();
  }

  isSettingUp(now: number): boolean {
    return this.#setUpUntil !== undefined && now < this.#setUpUntil && !this.#started;
  }

  containerChanged({ state }: Container, now: number): void {
    this.check(now);
    if (state !== 'waiting') this.#begun();
  }

  /** Brings every socket in line with what is in its place. Answers whether any place has a directory. */
  check(now: number): boolean {
    const over = this.#isOver(now);
    let found = false;
    for (const socket of this.#sockets) {
      if (this.#left || (over && (socket.pinsMount || this.#released.has(socket)))) {
        socket.letGo();
        this.#released.add(socket);
      } else {
        this.#released.delete(socket);
        found = socket.check(now) || found;
      }
    }
    if (found) this.#setUpUntil ??= now + setUpFor;
    return found;
  }

  /** The pod has left the node; its directory may stay for a while, and gets no socket any more. */
  left(): void {
    this.#left = true;
    this.#begun();
    for (const socket of this.#sockets) {
      socket.letGo();
      socket.place.left();
    }
  }

  /** The source names the pod, for the first time or again. */
  returned(): void {
    this.#left = false;
  }

  close(): void {
    this.#begun();
    for (const socket of this.#sockets) socket.letGo();
  }

  #begun(): void {
    this.#started = true;
    this.#setUp?.close();
    this.#setUp = undefined;
  }

  #isOver(now: number): boolean {
    const concerned = this.#released.size > 0 || this.#sockets.some((socket) => socket.pinsMount);
    if (!concerned || !this.#options.isOver()) {
      this.#overSince = undefined;
      return false;
    }
    this.#overSince ??= now;
    return now - this.#overSince >= overAfter;
  }
}
