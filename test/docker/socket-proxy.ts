import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { createConnection, createServer, type Server, type Socket } from 'node:net';

/** A unix socket that leads to another one, until it is cut. `sent` sees what goes there. */
export class SocketProxy {
  readonly path: string;
  readonly #target: string;
  readonly #sent: ((bytes: Buffer) => void) | undefined;
  readonly #open = new Set<Socket>();
  #server: Server | undefined;

  constructor(path: string, target: string, sent?: (bytes: Buffer) => void) {
    this.path = path;
    this.#target = target;
    this.#sent = sent;
  }

  async mend(): Promise<void> {
    this.#server = createServer((socket) => {
      const other = createConnection(this.#target);
      if (this.#sent !== undefined) socket.on('data', this.#sent);
      for (const [from, to] of [
        [socket, other],
        [other, socket],
      ] as const) {
        this.#open.add(from);
        from.pipe(to);
        from.on('error', () => to.destroy());
        from.on('close', () => {
          this.#open.delete(from);
          to.destroy();
        });
      }
    });
    this.#server.listen(this.path);
    await once(this.#server, 'listening');
  }

  /** Every connection breaks, and no new one is taken. */
  cut(): void {
    this.#server?.close();
    for (const socket of this.#open) socket.destroy();
    rmSync(this.path, { force: true });
  }
}
