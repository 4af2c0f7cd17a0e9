import { closeSync, constants, openSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';

/** A unix address holds 108 bytes, the last of them a zero. */
const maxSocketPathBytes = 107;
const O_PATH = 0o10000000;

/** Where to connect to. */
export interface SocketTarget {
  /** A gRPC target: `unix:/run/podhand/agent.sock`. */
  readonly target: string;
  /** Releases what the target stands on; a connection that is made stays. */
  release(): void;
}

/**
 * The gRPC target of a unix socket. A path of more than 107 bytes does not fit into an address: its directory is
 * opened, and the socket is reached through `/proc/self/fd`. Errors: those of `open(2)` for such a directory.
 */
export function socketTarget(socketPath: string): SocketTarget {
  const path = resolve(socketPath);
  if (Buffer.byteLength(path) <= maxSocketPathBytes) return { target: `unix:${path}`, release: () => undefined };
  const directory = openSync(dirname(path), O_PATH | constants.O_DIRECTORY);
  return {
    target: `unix:${join('/proc/self/fd', String(directory), basename(path))}`,
    release: () => closeSync(directory),
  };
}
