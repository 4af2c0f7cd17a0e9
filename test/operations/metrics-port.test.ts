import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Gauge, Registry } from 'prom-client';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { serveMetrics } from '../../src/agent/metrics/endpoint.ts';

let endpoint: Awaited<ReturnType<typeof serveMetrics>>;
let made: number;
let sockets: Socket[];
beforeEach(async () => {
  made = 0;
  sockets = [];
  const registry = new Registry();
  new Gauge({
    name: 'made',
    help: 'x'.repeat(60_000),
    registers: [registry],
    async collect() {
      this.set(++made);
      await sleep(20);
    },
  });
  endpoint = await serveMetrics('0.0.0.0:0', registry, (error) => expect.fail(String(error)));
});
afterEach(() => {
  for (const socket of sockets) socket.destroy();
  endpoint.close();
});

/** Connections of one pod are of one address. */
async function open(localAddress: string): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port: endpoint.port, localAddress });
  sockets.push(socket);
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return socket;
}

const get = 'GET /metrics HTTP/1.1\r\nhost: agent\r\n\r\n';

/** All that is answered to what is sent. */
async function answered(socket: Socket, sent: string): Promise<string> {
  let text = '';
  socket.on('data', (data) => {
    text += data;
  });
  const closed = once(socket, 'close');
  socket.write(sent);
  await closed;
  return text;
}

const scrape = async (address = '127.0.0.2') => await answered(await open(address), get);

describe('the port of the metrics', () => {
  test('answers one request as HTTP has it, and closes', async () => {
    const response = await fetch(`http://127.0.0.1:${endpoint.port}/metrics`, { signal: AbortSignal.timeout(5000) });
    expect(response.status).toBe(200);
    expect(response.headers.get('connection')).toBe('close');
    expect(response.headers.get('content-type')).toContain('text/plain; version=0.0.4');
    expect(await response.text()).toContain('\nmade 1\n');
  });

  test('has /metrics alone, and no head that is longer than a scraper sends', async () => {
    expect(await answered(await open('127.0.0.1'), get.replace('/metrics', '/'))).toMatch(/^HTTP\/1.1 404 /);
    expect(await answered(await open('127.0.0.1'), get.replace('GET', 'POST'))).toMatch(/^HTTP\/1.1 404 /);
    expect(await answered(await open('127.0.0.1'), `GET /metrics HTTP/1.1\r\nx: ${'x'.repeat(8192)}`)).toMatch(/ 431 /);
    expect(made).toBe(0);
  });

  test('answers who has shut its side down after the request', async () => {
    const socket = await open('127.0.0.1');
    const text = answered(socket, '');
    socket.end(get);
    expect(await text).toContain('\nmade 1\n');
  });

  test('makes the text once a second, however many ask', async () => {
    const since = performance.now();
    expect((await Promise.all(Array.from({ length: 5 }, () => scrape()))).every((text) => text.includes(' 200 '))).toBe(
      true,
    );
    for (let at = 0; at < 20; at++) {
      const [socket] = await Promise.all([open('127.0.0.1'), open('127.0.0.3')]);
      await answered(socket, get.repeat(1000));
    }
    expect(made).toBeLessThanOrEqual(1 + Math.floor((performance.now() - since) / 1000));
    await sleep(1000);
    const before = made;
    expect(await scrape()).toContain(`\nmade ${before + 1}\n`);
  });

  test('of a thousand pipelined requests answers one', async () => {
    const socket = await open('127.0.0.1');
    const answer = answered(socket, get.repeat(500));
    await sleep(10);
    socket.write(get.repeat(500));
    const text = await answer;
    // The kernel may throw an answer away whose connection is closed with the other 999 unread.
    expect(text.match(/^HTTP\/1.1 /gm)?.length ?? 0).toBeLessThanOrEqual(1);
    expect(made).toBe(1);
  });

  test.each([
    ['one address', (_at: number) => '127.0.0.1'],
    ['forty addresses', (at: number) => `127.0.1.${at % 40}`],
  ])('answers a scraper beside 200 connections of %s that ask for nothing, or by halves', async (_title, of) => {
    const begun = ['', 'GET', get.slice(0, -2), 'GET /metrics HTTP/1.1\r\nx: '];
    for (let at = 0; at < 200; at++) (await open(of(at))).write(begun[at % begun.length] ?? '');
    const since = performance.now();
    for (let again = 0; again < 10; again++) expect(await scrape()).toContain('\nmade ');
    expect(performance.now() - since).toBeLessThan(3000);
  });

  test('answers a scraper beside connections that have asked and do not read', async () => {
    for (let at = 0; at < 200; at++) {
      const socket = await open(`127.0.1.${at % 10}`);
      socket.pause();
      socket.write(get);
    }
    expect(await scrape()).toContain('\nmade ');
  });

  test('lets a connection that says something now and then go after ten seconds', async () => {
    const socket = await open('127.0.0.1');
    const since = performance.now();
    const closed = once(socket, 'close');
    socket.resume();
    const timer = setInterval(() => socket.write('x'), 100);
    await closed;
    clearInterval(timer);
    expect(performance.now() - since).toBeGreaterThan(9000);
    expect(performance.now() - since).toBeLessThan(15_000);
  }, 30_000);

  test('accepts connections at a pace: more wait in the kernel', async () => {
    const since = performance.now();
    let ended = 0;
    let floods = true;
    const flood = () => {
      const socket = connect({ host: '127.0.0.1', port: endpoint.port });
      sockets.push(socket);
      socket.on('error', () => undefined).resume();
      // Those of the address that have had to make place.
      socket.once('close', () => {
        ended++;
        if (floods) flood();
      });
    };
    for (let at = 0; at < 100; at++) flood();
    await sleep(2000);
    floods = false;
    expect(ended).toBeGreaterThan(500);
    expect(ended).toBeLessThanOrEqual(600 + (performance.now() - since) / 2);
    expect(await scrape()).toContain('\nmade ');
  });
});
