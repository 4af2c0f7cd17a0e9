import { connect } from 'node:net';
import { preface, settings } from '../../../test/fuzz/frames.ts';
import type { Counts } from '../neighbour.ts';

/** Four times what a pod may have, so that most of them are refused. */
const atOnce = 256;

/** Connections that are opened and dropped, again and again: at once, after what every client begins with, or refused. */
export function churn(socket: string, counts: Counts): void {
  const greeting = Buffer.concat([preface, settings()]);
  const open = (greets: boolean): void => {
    const connection = connect(socket, () => {
      counts.opened = (counts.opened ?? 0) + 1;
      if (greets) connection.write(greeting, () => connection.destroy());
      else connection.destroy();
    });
    connection.on('error', () => {
      counts.refused = (counts.refused ?? 0) + 1;
    });
    connection.on('close', () => setImmediate(open, greets));
  };
  for (let at = 0; at < atOnce; at += 1) open(at % 2 === 0);
}
