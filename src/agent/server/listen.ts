import { once } from 'node:events';
import { closeSync, constants, lstatSync, mkdirSync, openSync, unlinkSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';

interface Options {
  /** Mode of the socket: 0o600 for root alone, 0o666 where the directory is what limits access. */
  readonly mode: number;
  readonly directoryMode: number;
  onConnection(socket: Socket): void;
}

/**
 * Listens on `<directory>/<name>`. The directory is made where it is missing; a socket that an earlier run left is
 * replaced, anything else in its place is an error. The mode comes from the umask: a chmod would follow a link.
 */
export async function listenOn(directory: string, name: string, options: Options): Promise<Server> {
  mkdirSync(directory, { recursive: true, mode: options.directoryMode });
  // A unix address holds 107 bytes; through the descriptor any directory fits.
  const fd = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  try {
    removeOwnSocket(join(directory, name));
    const server = createServer(options.onConnection);
    const before = process.umask(0o777 & ~options.mode);
    try {
      server.listen(`/proc/self/fd/${fd}/${name}`);
    } finally {
      process.umask(before);
    }
    await once(server, 'listening');
    return server;
  } finally {
    closeSync(fd);
  }
}

function removeOwnSocket(path: string): void {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isSocket()) throw new Error(`${path} is in the way: it is not a socket`);
  unlinkSync(path);
}
