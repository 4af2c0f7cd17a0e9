import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Http2Session } from 'node:http2';
import type { Limits } from '../config/schema.ts';
import { TokenBucket } from '../token-bucket.ts';

const created = 'http2.server.stream.created';
/** A pod has twice the streams that it may call: half of them are refused, and told when to call again. */
const headroom = 2;
/** What a connection may begin while its pod has begun too much: it may not be the one that floods. */
const own = { perSecond: 5, burst: 16 };

/**
 * Tells of every stream of HTTP/2 that begins, by the label of its connection and with its session, also of those that the RPC library answers
 * without a handler (a method that is none). Of all connections of this process. Answers how to end it.
 */
export function watchBegun(began: (label: string, session: Http2Session) => void): () => void {
  const hear = (message: unknown): void => {
    const { stream } = message as { readonly stream: { readonly session?: Http2Session } };
    const { session } = stream;
    const label = session?.socket?.remoteAddress;
    if (session !== undefined && label !== undefined) began(label, session);
  };
  subscribe(created, hear);
  return () => void unsubscribe(created, hear);
}

/** A connection's share of what its pod may begin. */
export class ConnectionPace {
  readonly #ofPod: TokenBucket;
  readonly #own = new TokenBucket(own.perSecond, own.burst);

  constructor(ofPod: TokenBucket) {
    this.#ofPod = ofPod;
  }

  /** Whether it floods, with the stream that has just begun. */
  floods(): boolean {
    return this.#ofPod.take() > 0 && this.#own.take() > 0;
  }
}

/** What the pods have begun; each is forgotten when it has begun nothing for a while. */
export class BegunStreams {
  readonly #limits: Limits;
  readonly #pods = new Map<string, TokenBucket>();

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  connection(podUid: string): ConnectionPace {
    const { callsPerSecondPerPod, callBurstPerPod } = this.#limits;
    const ofPod =
      this.#pods.get(podUid) ?? new TokenBucket(headroom * callsPerSecondPerPod, headroom * callBurstPerPod);
    this.#pods.set(podUid, ofPod);
    return new ConnectionPace(ofPod);
  }

  /** `isOpen`: whether the pod has connections, which hold what is kept of it. */
  prune(isOpen: (podUid: string) => boolean): void {
    for (const [podUid, bucket] of this.#pods) if (bucket.full && !isOpen(podUid)) this.#pods.delete(podUid);
  }
}
