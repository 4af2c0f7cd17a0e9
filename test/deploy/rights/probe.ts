/**
 * Runs in a container of a pod as uid 1000: `node probe.ts AGENT...`. Tries each function of each agent once and prints
 * what came of it as one line of JSON. The other containers and the volumes are those of target.ts.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { ExecutorClient } from '../../../src/client/executor-client.ts';
import type { PodFunction, Tried } from './functions.ts';

const sockets = ['socket', 'memorySocket', 'hostSocket'] as const;
/** An agent that cannot do something says so at once; of many on a busy machine each may be slow to. */
const withinMs = 55_000;
/** A socket that is not there by then never comes. */
const reachedWithinMs = 30_000;

const soon = () => ({ deadline: new Date(Date.now() + withinMs) });

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  for (const end = Date.now() + withinMs; !(await condition()); await sleep(200))
    if (Date.now() > end) throw new Error('not so in time');
}

function expectText(got: string, wanted: string): void {
  if (got !== wanted) throw new Error(`got ${JSON.stringify(got)}`);
}

class Probe {
  readonly tried: Partial<Tried<PodFunction>> = {};
  readonly #name: string;
  #client: ExecutorClient | undefined;

  constructor(name: string) {
    this.#name = name;
  }

  async #try(name: PodFunction, action: () => Promise<unknown>): Promise<void> {
    this.tried[name] = await action().then(
      () => 'OK',
      (error: Error & { reason?: string }) => `${error.reason ?? ''} ${error.message}`,
    );
  }

  /** What follows goes over the first that answers. */
  async connect(): Promise<void> {
    const clients = sockets.map((socket) => {
      const socketPath = `/sockets/${this.#name}/${socket}/agent.sock`;
      return new ExecutorClient({ socketPath, retryFor: reachedWithinMs });
    });
    await Promise.all(sockets.map((socket, at) => this.#try(socket, async () => clients[at]?.getInfo(soon()))));
    this.#client = clients.find((_, at) => this.tried[sockets[at] ?? 'socket'] === 'OK');
  }

  async duringLife(): Promise<void> {
    const client = this.#client;
    if (client === undefined) return;
    const victim = `victim-${this.#name}`;
    await this.#try('list', () =>
      until(async () => {
        const { containers } = await client.listContainers(soon());
        const running = containers.filter(({ state }) => state === 'CONTAINER_STATE_RUNNING').map(({ name }) => name);
        return ['main', 'root', victim].every((name) => running.includes(name));
      }),
    );
    await this.#try('logs', async () => {
      let text = '';
      for await (const { chunk } of client.streamLogs({ container: 'main' }, soon())) text += chunk?.data ?? '';
      expectText(text, 'a line\n');
    });
    await this.#try('times', async () => {
      let stamps = 0;
      for await (const { chunk } of client.streamLogs({ container: 'main', timestamps: true }, soon()))
        if (chunk?.time) stamps++;
      if (stamps !== 1) throw new Error(`${stamps} times`);
    });
    await this.#try('stats', async () => {
      for await (const { stats } of client.watchStats({ containers: ['main'], once: true }, soon()))
        if (!stats?.length) throw new Error('no figures');
    });
    await this.#try('volumeFile', async () => expectText(await content(client, '/work/open'), 'open\n'));
    await this.#try('ownFile', async () => expectText(await content(client, '/work/own/secret'), 'secret\n'));
    await this.#try('othersFile', async () =>
      expectText(await content(client, '/work/own/secret', 'root'), 'secret\n'),
    );
    await this.#try('save', async () => {
      const destination = `/out/${this.#name}`;
      const request = { container: 'main', path: '/work/own/secret', destination };
      for await (const _ of client.saveArtifact({ ...request, format: 'ARCHIVE_FORMAT_RAW' }, soon()));
      expectText(readFileSync(destination, 'utf8'), 'secret\n');
    });
    await this.#try('kill', async () => {
      const request = { containers: [victim], signal: 'TERM', gracePeriodMs: reachedWithinMs };
      const [outcome] = (await client.kill(request, soon())).outcomes;
      // It ends with 0 by TERM alone. An exec of kill may end with the container, before it can tell of the signal.
      const { exitKnown, exitCode } = outcome?.finalRecord ?? {};
      const result = outcome?.result.replace('ALREADY_GONE', 'ENDED_IN_TIME');
      expectText(`${result} ${exitKnown} ${exitCode}`, 'KILL_RESULT_ENDED_IN_TIME true 0');
    });
  }

  async afterEnd(): Promise<void> {
    const client = this.#client;
    if (client === undefined) return;
    await this.#try('wait', async () => {
      for await (const { result } of client.wait({ containers: ['main'] }, soon())) {
        const record = result?.records[0];
        if (record) expectText(`${record.exitKnown} ${record.exitCode}`, 'true 3');
      }
    });
    await this.#try('layerFile', async () => expectText(await content(client, '/tmp/own/secret'), 'of the layer\n'));
  }
}

async function content(client: ExecutorClient, path: string, container = 'main'): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const part of client.readFile({ container, path }, soon()))
    if (part.part === 'chunk' && part.chunk) chunks.push(part.chunk);
  return Buffer.concat(chunks).toString();
}

const names = process.argv.slice(2);
const probes = names.map((name) => new Probe(name));
await until(() =>
  ['ready', ...names.map((name) => `ready-victim-${name}`)].every((file) => existsSync(`/work/${file}`)),
);
await Promise.all(probes.map((probe) => probe.connect()));
await Promise.all(probes.map((probe) => probe.duringLife()));
writeFileSync('/work/end', '');
await Promise.all(probes.map((probe) => probe.afterEnd()));
process.stdout.write(`${JSON.stringify(Object.fromEntries(names.map((name, at) => [name, probes[at]?.tried])))}\n`);
process.exit();
