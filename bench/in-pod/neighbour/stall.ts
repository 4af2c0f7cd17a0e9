import { callFields, flags, frame, headers, kinds } from '../../../test/fuzz/frames.ts';
import type { Counts } from '../neighbour.ts';
import { RawConnection } from './raw-connection.ts';

const connections = 8;
const perConnection = 8;
/** Field 1, `container`, and field 2, `path`. */
const main = Buffer.from([0x0a, 4, ...Buffer.from('main')]);
const path = Buffer.from([0x12, 5, ...Buffer.from('/file')]);
const message = (body: Buffer) => Buffer.concat([Buffer.from([0, 0, 0, 0, body.length]), body]);

/**
 * As many streams of logs and artifacts as there may be, of which nothing is ever taken: half of the connections allow
 * the agent to send nothing, the others do not read what it sends.
 */
export function stall(socket: string, counts: Counts): void {
  const open = (at: number): void => {
    const deaf = at % 2 === 0;
    const connection = new RawConnection(
      socket,
      deaf ? 1 << 20 : 0,
      () => {
        counts.ended = (counts.ended ?? 0) + 1;
      },
      () => {
        counts.closed = (counts.closed ?? 0) + 1;
        setTimeout(() => open(at), 100);
      },
    );
    connection.socket.once('connect', () => {
      for (let call = 0; call < perConnection; call += 1) {
        const stream = 2 * call + 1;
        const logs = call % 4 !== 3;
        const body = message(logs ? main : Buffer.concat([main, path]));
        const method = callFields(logs ? 'StreamLogs' : 'CollectArtifact');
        connection.socket.write(
          Buffer.concat([headers(stream, method), frame(kinds.data, flags.endStream, stream, body)]),
        );
        counts.streams = (counts.streams ?? 0) + 1;
      }
      if (deaf) connection.socket.pause();
    });
  };
  for (let at = 0; at < connections; at += 1) open(at);
}
