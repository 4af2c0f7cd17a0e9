import { connect } from 'node:net';
import { frame, kinds, preface, settings } from '../../../test/fuzz/frames.ts';
import type { Counts } from '../neighbour.ts';

/** What an agent allows of a pod. */
const connections = 64;
const batch = 1000;
const pings = Buffer.concat(Array.from({ length: batch }, () => frame(kinds.ping, 0, 0, Buffer.alloc(8))));

/** Frames that are no calls and have to be answered, on as many connections as there may be, as fast as they are taken. */
export function pingWithoutEnd(socketPath: string, counts: Counts): void {
  const open = (): void => {
    const socket = connect(socketPath, () => {
      socket.write(Buffer.concat([preface, settings()]));
      send();
    });
    const send = (): void => {
      while (socket.writable) {
        counts.pings = (counts.pings ?? 0) + batch;
        if (!socket.write(pings)) return;
      }
    };
    socket.on('drain', send);
    socket.on('error', () => undefined);
    socket.on('close', () => {
      counts.closed = (counts.closed ?? 0) + 1;
      setImmediate(open);
    });
    socket.resume();
  };
  for (let at = 0; at < connections; at += 1) open();
}
