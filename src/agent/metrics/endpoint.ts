import { once } from 'node:events';
import { unlinkSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import type { Registry } from 'prom-client';
import { descriptorOf } from '../linux/descriptor-of.ts';
import { duplicate } from '../linux/unix-socket.ts';
import { PacedListener } from '../sockets/paced-listener.ts';
import { TokenBucket } from '../token-bucket.ts';
import { answerScrape } from './answer-scrape.ts';
import { ScrapeConnections } from './scrape-connections.ts';
import { ScrapeText } from './scrape-text.ts';

/** On a port, which pods may reach; a socket is of those to whom its directory is open. */
const textEveryMs = 1000;
const connectionsPerSecond = 500;

interface MetricsEndpoint {
  /** 0 on a unix socket. */
  readonly port: number;
  close(): void;
}

/**
 * Serves Prometheus' text on `listen`: `127.0.0.1:9464`, `:9464`, `[::1]:9464` or `unix:/run/podhand/metrics.sock`.
 * It has no authentication: who reaches it can read it, and is not to keep others from it, or the agent from its pods.
 * `failed` is told of connections that could not be accepted. Resolves once it listens.
 */
export async function serveMetrics(
  listen: string,
  registry: Registry,
  failed: (error: Error) => void,
): Promise<MetricsEndpoint> {
  const address = parseListen(listen);
  const connections = new ScrapeConnections();
  const text = new ScrapeText(registry, 'path' in address ? 0 : textEveryMs);
  const connected = (socket: Socket) => answerScrape(socket, text, connections.add(socket));
  if ('path' in address) removeStaleSocket(address.path);
  const server = createServer(connected);
  server.listen(address);
  await once(server, 'listening');
  server.on('error', failed);
  const bound = server.address();
  const listener = 'path' in address ? server : paced(server, { connected, failed });
  return {
    port: typeof bound === 'object' ? (bound?.port ?? 0) : 0,
    close: () => {
      listener.close();
      connections.close();
    },
  };
}

/** Accepting takes time as well, of which a pod that connects without end is to have little. */
function paced(server: Server, handlers: ConstructorParameters<typeof PacedListener>[2]): PacedListener {
  const bound = descriptorOf(server);
  if (bound === undefined) throw new Error('the socket of the metrics has no descriptor');
  const fd = duplicate(bound);
  server.close();
  return new PacedListener(fd, new TokenBucket(connectionsPerSecond, connectionsPerSecond), handlers);
}

function parseListen(listen: string): { path: string } | { host?: string; port: number } {
  if (listen.startsWith('unix:')) return { path: listen.slice('unix:'.length) };
  const at = listen.lastIndexOf(':');
  const port = Number(listen.slice(at + 1));
  if (at < 0 || !Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new Error(`metrics.listen: "${listen}" is neither HOST:PORT nor unix:PATH`);
  }
  const host = listen.slice(0, at).replace(/^\[|\]$/g, '');
  return host === '' ? { port } : { host, port };
}

function removeStaleSocket(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}
