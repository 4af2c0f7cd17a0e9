import { PodhandError } from '../../wire/errors.ts';
import type { Limits } from '../config/schema.ts';

interface PodUse {
  streams: number;
  /** Token bucket: calls that may still be made now, and when it was last filled. */
  tokens: number;
  filledAt: number;
}

/**
 * What one pod and the node may ask at once. Admission is per pod, so that a pod that calls without pause is refused
 * by its own bucket and its neighbours notice nothing.
 */
export class Admission {
  readonly #limits: Limits;
  readonly #pods = new Map<string, PodUse>();
  #streams = 0;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  /** Streams open now, over all pods. */
  get streams(): number {
    return this.#streams;
  }

  /** Admits one call. Errors: TOO_MANY_CALLS, with the time after which a retry can succeed. */
  admit(podUid: string): void {
    const use = this.#use(podUid);
    const now = performance.now();
    const { callsPerSecondPerPod: rate, callBurstPerPod: burst } = this.#limits;
    use.tokens = Math.min(burst, use.tokens + ((now - use.filledAt) / 1000) * rate);
    use.filledAt = now;
    if (use.tokens < 1) throw tooMany('this pod calls too often', Math.ceil(((1 - use.tokens) / rate) * 1000));
    use.tokens -= 1;
  }

  /** Admits one stream until the returned function is called. Errors: TOO_MANY_CALLS. */
  openStream(podUid: string): () => void {
    const use = this.#use(podUid);
    if (use.streams >= this.#limits.streamsPerPod) throw tooMany('this pod has too many streams open', 1000);
    if (this.#streams >= this.#limits.streams) throw tooMany('too many streams are open on this node', 1000);
    use.streams += 1;
    this.#streams += 1;
    return () => {
      use.streams -= 1;
      this.#streams -= 1;
    };
  }

  forget(podUid: string): void {
    if (this.#pods.get(podUid)?.streams === 0) this.#pods.delete(podUid);
  }

  #use(podUid: string): PodUse {
    const existing = this.#pods.get(podUid);
    if (existing !== undefined) return existing;
    const made = { streams: 0, tokens: this.#limits.callBurstPerPod, filledAt: performance.now() };
    this.#pods.set(podUid, made);
    return made;
  }
}

function tooMany(message: string, retryAfterMs: number): PodhandError {
  return new PodhandError('TOO_MANY_CALLS', message, { details: { retryAfterMs: String(retryAfterMs) } });
}
