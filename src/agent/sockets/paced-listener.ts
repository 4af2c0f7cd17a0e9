import { closeSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { duplicate } from '../linux/unix-socket.ts';
import type { TokenBucket } from '../token-bucket.ts';

/** A listener is not begun anew for every connection of a pod that goes on and on. Milliseconds. */
const shortestPause = 100;

interface Handlers {
  connected(socket: Socket): void;
  /** Of a connection that could not be accepted. */
  failed(error: Error): void;
}

/**
 * Accepts connections no faster than a pace. Beyond it they are not refused, since that takes the agent's time as well,
 * but left in the kernel's backlog: who floods it waits there, and nobody else does. The descriptor stays open all the
 * time, so that nobody finds a socket on which nobody listens.
 */
export class PacedListener {
  readonly #fd: number;
  readonly #pace: TokenBucket;
  readonly #handlers: Handlers;
  #server: Server | undefined;
  #pause: NodeJS.Timeout | undefined;
  #open = true;

  /** Takes over `fd`, which listens already. */
  constructor(fd: number, pace: TokenBucket, handlers: Handlers) {
    this.#fd = fd;
    this.#pace = pace;
    this.#handlers = handlers;
    this.#accept();
  }

  /** Connections that were accepted stay. May be called twice. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    clearTimeout(this.#pause);
    this.#server?.close();
    closeSync(this.#fd);
  }

  #accept(): void {
    const server = createServer((socket) => {
      this.#handlers.connected(socket);
      this.#pace.spend();
      const wait = this.#pace.wait();
      if (wait > 0 && this.#server === server) this.#rest(Math.max(wait, shortestPause));
    });
    server.on('error', (error) => this.#handlers.failed(error));
    // Its own descriptor, which it closes.
    server.listen({ fd: duplicate(this.#fd) });
    this.#server = server;
  }

  #rest(ms: number): void {
    this.#server?.close();
    this.#server = undefined;
    this.#pause = setTimeout(() => this.#accept(), ms);
    this.#pause.unref();
  }
}
