import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { createServer, type Server } from 'node:net';

/** A unix socket in a directory whose path may be longer than an address; it is removed by `close`. */
export class UnixSocketFile {
  readonly #server: Server;
  readonly #directoryFd: number;

  private constructor(server: Server, directoryFd: number) {
    this.#server = server;
    this.#directoryFd = directoryFd;
  }

  static async listen(directory: string, name: string): Promise<UnixSocketFile> {
    const fd = openSync(directory, 'r');
    const server = createServer((connection) => connection.destroy());
    server.listen(`/proc/self/fd/${fd}/${name}`);
    await once(server, 'listening');
    return new UnixSocketFile(server, fd);
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    await closed;
    closeSync(this.#directoryFd);
  }
}
