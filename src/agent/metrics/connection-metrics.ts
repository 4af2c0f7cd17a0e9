import { Counter, type Registry } from 'prom-client';
import type { ConnectionEnd } from '../connection/connections.ts';

/** Counts connections as they end, by who or what ended them; those that were refused at once included. */
export function connectionEnds(registry: Registry): (cause: ConnectionEnd) => void {
  const ends = new Counter({
    name: 'podhand_connections_closed_total',
    help: 'Connections that ended, by cause; `client`: the caller left.',
    labelNames: ['cause'],
    registers: [registry],
  });
  return (cause) => ends.inc({ cause });
}
