import { once } from 'node:events';
import { closeSync, constants, mkdirSync, openSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { makeSocketFile, removeSocketFile } from '../sockets/socket-file.ts';

interface Options {
  /** Mode of the socket: 0o600 for root alone. */
  readonly mode: number;
  readonly directoryMode: number;
  onConnection(socket: Socket): void;
  /** Of a connection that could not be accepted. */
  onError(error: Error): void;
}

/**
 * Listens on `<directory>/<name>`. The directory is made where it is missing; a socket that a dead agent left is
 * replaced, anything else in its place, the socket of an agent that lives included, is an error. `close` removes it.
 */
export async function listenOn(directory: string, name: string, options: Options): Promise<{ close(): void }> {
  mkdirSync(directory, { recursive: true, mode: options.directoryMode });
  const directoryFd = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  try {
    const made = makeSocketFile(directoryFd, name, options.mode);
    if ('obstacle' in made) {
      const what = made.obstacle === 'socket' ? 'a socket on which somebody listens' : made.obstacle;
      throw new Error(`${directory}/${name} cannot be made: ${what} is in the way`);
    }
    const server = createServer(options.onConnection);
    server.listen({ fd: made.fd });
    await once(server, 'listening');
    server.on('error', options.onError);
    let open = true;
    return {
      close: () => {
        if (!open) return;
        open = false;
        removeSocketFile(directoryFd, name, made);
        closeSync(directoryFd);
        server.close();
      },
    };
  } catch (error) {
    closeSync(directoryFd);
    throw error;
  }
}
