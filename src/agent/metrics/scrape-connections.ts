import type { Socket } from 'node:net';

/** Open ones. */
const most = 64;
const mostOfAddress = 8;
/** From its beginning to its end, whatever the other side does meanwhile. */
const patienceMs = 10_000;

interface Connection {
  readonly socket: Socket;
  readonly address: string;
  hasAsked: boolean;
}

/**
 * The open connections of the scrape, oldest first. A new one is never refused: it takes the place of one of its own
 * address, or of the address that has most. So pods, of which each has an address of its own, hold on to what they like
 * and keep no scraper out that comes from another.
 */
export class ScrapeConnections {
  readonly #open = new Set<Connection>();

  /** Answers what to call once its request is there. */
  add(socket: Socket): () => void {
    const address = socket.remoteAddress ?? '';
    const own = this.#of(address);
    if (own.length >= mostOfAddress) this.#end(own);
    else if (this.#open.size >= most) this.#end(this.#largest());
    const connection = { socket, address, hasAsked: false };
    this.#open.add(connection);
    const timer = setTimeout(() => socket.destroy(), patienceMs).unref();
    socket.once('close', () => {
      clearTimeout(timer);
      this.#open.delete(connection);
    });
    return () => {
      connection.hasAsked = true;
    };
  }

  close(): void {
    for (const { socket } of this.#open) socket.destroy();
  }

  #of(address: string): Connection[] {
    return [...this.#open].filter((each) => each.address === address);
  }

  #largest(): Connection[] {
    const byAddress = Map.groupBy(this.#open, ({ address }) => address);
    return [...byAddress.values()].reduce((largest, each) => (each.length > largest.length ? each : largest), []);
  }

  /** Ends the oldest, where there is one of those that have asked for nothing yet. */
  #end(connections: readonly Connection[]): void {
    const ended = connections.find(({ hasAsked }) => !hasAsked) ?? connections[0];
    if (ended === undefined) return;
    this.#open.delete(ended);
    ended.socket.destroy();
  }
}
