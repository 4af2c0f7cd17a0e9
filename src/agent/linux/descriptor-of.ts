import type { Server, Socket } from 'node:net';

/** The descriptor of an open socket; undefined where it has none any more. Node tells it nowhere else. */
export function descriptorOf(socket: Socket | Server): number | undefined {
  const fd = (socket as unknown as { _handle?: { fd?: unknown } | null })._handle?.fd;
  return typeof fd === 'number' && Number.isInteger(fd) && fd >= 0 ? fd : undefined;
}
