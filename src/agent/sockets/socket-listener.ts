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

/** Counts everything that becomes of a socket, and logs each kind of trouble once until the socket stands again. */
export function listenerTo({ store, metrics, log, onConnection }: Options): SocketListener {
  const told = new WeakMap<SocketPlace, string>();
  const facts = ({ podUid, kind, volume }: SocketPlace) => {
    const pod = store.pod(podUid);
    return { pod: pod && `${pod.namespace}/${pod.name}`, podUid, place: kind, volume };
  };
  const once = (place: SocketPlace, what: string, tell: () => void) => {
    if (told.get(place) === what) return;
    told.set(place, what);
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
    failed: (place, err) => log.error({ err, ...facts(place) }, 'a connection could not be accepted'),
  };
}
