import { emptyMessage, headers } from '../../../test/fuzz/frames.ts';
import type { Counts } from '../neighbour.ts';
import { RawConnection } from './raw-connection.ts';

/** What an agent allows by itself, of a pod and of a connection. */
const connections = 64;
const streams = 64;

/** Small calls on as many connections as there may be, as many at once as there may be on each, without pause. */
export function flood(socket: string, counts: Counts): void {
  const open = (): void => {
    let stream = -1;
    let owed = streams;
    const call = (): void => {
      const frames: Buffer[] = [];
      for (; owed > 0; owed -= 1) {
        stream += 2;
        frames.push(headers(stream), emptyMessage(stream));
        counts.calls = (counts.calls ?? 0) + 1;
      }
      if (frames.length > 0) connection.socket.write(Buffer.concat(frames));
    };
    let scheduled = false;
    const ended = (): void => {
      owed += 1;
      if (scheduled) return;
      scheduled = true;
      setImmediate(() => {
        scheduled = false;
        call();
      });
    };
    const connection = new RawConnection(socket, 1 << 20, ended, () => {
      counts.closed = (counts.closed ?? 0) + 1;
      setImmediate(open);
    });
    connection.socket.once('connect', call);
  };
  for (let at = 0; at < connections; at += 1) open();
}
