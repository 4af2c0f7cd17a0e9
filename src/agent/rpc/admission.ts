import { PodhandError } from '../../wire/errors.ts';
import type { Limits } from '../config/schema.ts';
import type { Caller } from '../connection/caller.ts';
import { FairPlaces } from '../fair-places.ts';
import { TokenBucket } from '../token-bucket.ts';

const messages = {
  pod: 'this pod has too many streams open',
  node: 'too many streams are open on this node',
  displaced: 'too many streams are open on this node, and this pod has the most: one goes to another',
};

/**
 * What one pod and the node may ask at once. Admission is per pod, so that a pod that calls without pause is refused
 * by its own bucket and its neighbours notice nothing. The admin socket has as many streams as all pods, of its own.
 */
export class Admission {
  readonly #limits: Limits;
  readonly #calls = new Map<string, TokenBucket>();
  readonly #streams: { readonly [Kind in Caller['kind']]: FairPlaces };

  constructor(limits: Limits) {
    this.#limits = limits;
    const { streamsPerPod, streams } = limits;
    this.#streams = { pod: new FairPlaces(streamsPerPod, streams), admin: new FairPlaces(streamsPerPod, streams) };
  }

  /** Streams open now, over all pods. */
  get streams(): number {
    return this.#streams.pod.taken + this.#streams.admin.taken;
  }

  /** Admits one call. Errors: TOO_MANY_CALLS, with the time after which a retry can succeed. */
  admit(podUid: string): void {
    const wait = this.#bucket(podUid).take();
    if (wait > 0) throw tooMany('this pod calls too often', wait);
  }

  /**
   * Admits one stream of that caller until the returned function is called. `podUid`: the pod that it is about, if any.
   * `end` is told where its place goes to another pod. Errors: TOO_MANY_CALLS.
   */
  openStream(caller: Caller, podUid: string | undefined, end: (reason: PodhandError) => void): () => void {
    const places = this.#streams[caller.kind];
    const pod = caller.kind === 'pod' ? caller.podUid : (podUid ?? '');
    const full = places.full(pod);
    if (full !== undefined) throw tooMany(messages[full], 1000);
    return places.take(pod, { end: () => end(tooMany(messages.displaced, 1000)) });
  }

  forget(podUid: string): void {
    this.#calls.delete(podUid);
  }

  #bucket(podUid: string): TokenBucket {
    const existing = this.#calls.get(podUid);
    if (existing !== undefined) return existing;
    const { callsPerSecondPerPod, callBurstPerPod } = this.#limits;
    const made = new TokenBucket(callsPerSecondPerPod, callBurstPerPod);
    this.#calls.set(podUid, made);
    return made;
  }
}

function tooMany(message: string, retryAfterMs: number): PodhandError {
  return new PodhandError('TOO_MANY_CALLS', message, { details: { retryAfterMs: String(retryAfterMs) } });
}
