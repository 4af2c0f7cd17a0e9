import { once } from 'node:events';
import { unlinkSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { Registry } from 'prom-client';

/**
 * Serves Prometheus' text on `listen`: `127.0.0.1:9464`, `:9464`, `[::1]:9464` or `unix:/run/podhand/metrics.sock`.
 * It has no authentication: bind it to an address that only the monitoring reaches. Resolves once it listens.
 */
export async function serveMetrics(listen: string, registry: Registry): Promise<Server> {
  const server = createServer((request, response) => {
    if (request.method !== 'GET' || request.url !== '/metrics') {
      response.writeHead(404).end('only GET /metrics is here\n');
      return;
    }
    registry.metrics().then(
      (text) => response.writeHead(200, { 'content-type': registry.contentType }).end(text),
      () => response.writeHead(500).end(),
    );
  });
  server.requestTimeout = 5000;
  server.maxConnections = 16;
  const address = parseListen(listen);
  if ('path' in address) removeStaleSocket(address.path);
  server.listen(address);
  await once(server, 'listening');
  return server;
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
