import type { Socket } from 'node:net';
import type { Logger } from 'pino';
import type { SocketMetrics } from '../metrics/socket-metrics.ts';
import type { PodStore } from '../pods/store.ts';
import type { SocketListener } from './placed-socket.ts';
import type { SocketPlace } from './socket-place.ts';

interface Options {
  readonly store: PodStore;
  readonly metrics: SocketMetrics;
  readonly log: Logger;
  onConnection(socket: Socket, podUid: string): void;
}

/** The same trouble of the same socket is not logged again for so long. Milliseconds. */
const repeatAfter = 600_000;

/** Counts everything that becomes of a socket, and logs each kind of trouble once in ten minutes. */
export function listenerTo({ store, metrics, log, onConnection }: Options): SocketListener {
  const told = new WeakMap<SocketPlace, Map<string, number>>();
  const facts = ({ podUid, kind, volume }: SocketPlace) => {
    const pod = store.pod(podUid);
    return { pod: pod && `${pod.namespace}/${pod.name}`, podUid, place: kind, volume };
  };
  const once = (place: SocketPlace, what: string, tell: () => void) => {
    const whats = told.get(place) ?? new Map<string, number>();
    told.set(place, whats);
    const now = performance.now();
    if (now - (whats.get(what) ?? Number.NEGATIVE_INFINITY) < repeatAfter) return;
    whats.set(what, now);
    tell();
  };
  return {
    connected: onConnection,
    made: (place) => {
      metrics.made(place.kind);
      log.debug(facts(place), 'socket made');
    },
    lost: (place) => {
      metrics.lost(place.kind);
      once(place, 'lost', () => log.warn(facts(place), 'the pod’s socket was removed or replaced: made again'));
    },
    obstructed: (place, obstacle) => {
      metrics.obstructed(place.kind, obstacle);
      once(place, obstacle, () =>
        log.warn({ ...facts(place), obstacle }, 'no socket for this pod: something is in the way'),
      );
    },
    unplaced: (place, obstacle) =>
      once(place, `binary ${obstacle}`, () =>
        log.warn({ ...facts(place), obstacle }, 'the emissary could not be put into this pod’s volume'),
      ),
    failed: (place, err) => log.error({ err, ...facts(place) }, 'a connection could not be accepted'),
  };
}
