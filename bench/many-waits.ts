import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { SocketProxy } from '../test/docker/socket-proxy.ts';
import { figures } from './figures.ts';
import { cpuMs, rssMiB } from './process-load.ts';
import type { Report } from './report.ts';
import type { Sizes } from './sizes.ts';
import { type BenchAgent, drain, executors, known, type Stand } from './stand.ts';

/** Containers that start and end meanwhile, so that there is something to tell. */
const lives = 10;

/** What open Wait calls cost the agent and the engine: one of them beside many, while the same happens on the node. */
export async function benchManyWaits(stand: Stand, report: Report, { waits, rounds }: Sizes): Promise<void> {
  for (const executor of executors) {
    const directory = mkdtempSync(join(tmpdir(), 'podhand-proxy-'));
    const counted = new RequestCount();
    const proxy = new SocketProxy(`${directory}/engine.sock`, stand.engineSocket, (sent) => counted.look(sent));
    await proxy.mend();
    const agent = await stand.agent(executor, { engineSocket: proxy.path });
    const one: Load[] = [];
    const many: Load[] = [];
    for (let round = 0; round < Math.min(3, rounds); round += 1) {
      one.push(await load(stand, agent, counted, 1));
      many.push(await load(stand, agent, counted, waits));
    }
    await agent.stop();
    proxy.cut();
    rmSync(directory, { recursive: true, force: true });
    const row = (what: string, unit: string, of: keyof Load) => ({
      what: `${what}, ${waits} waits, ${executor} executor`,
      peer: 'one wait',
      unit,
      podhand: figures(many.map((round) => round[of])),
      against: figures(one.map((round) => round[of])),
    });
    report.add({
      ...row(`engine API calls while ${lives} containers live`, 'calls', 'calls'),
      goals: [{ of: 'p50', ratioAtMost: 1.1 }],
    });
    report.add(row('engine API calls a second', 'calls/s', 'callsPerSecond'));
    report.add(row('CPU of the agent, of one core', '%', 'cpu'));
    report.add(row('memory of the agent', 'MiB', 'rss'));
  }
}

interface Load {
  readonly calls: number;
  readonly callsPerSecond: number;
  readonly cpu: number;
  readonly rss: number;
}

async function load(stand: Stand, agent: BenchAgent, counted: RequestCount, waits: number): Promise<Load> {
  const pod = await stand.runtime.pod();
  await pod.run({ name: 'main', command: ['/bin/sleep', '600'] });
  const client = agent.clientOf(pod.uid);
  await known(client, 'main');
  const stop = new AbortController();
  const open = Array.from({ length: waits }, () =>
    drain(client.wait({ containers: ['main'] }, { signal: stop.signal })).catch(() => undefined),
  );
  await sleep(1000);
  const before = { calls: counted.requests, cpu: cpuMs(agent.pid), at: performance.now() };
  for (let life = 0; life < lives; life += 1) {
    const container = await pod.run({ name: `side-${life}`, command: ['/bin/sleep', '0.2'] });
    await container.exited();
  }
  await sleep(1000);
  const ms = performance.now() - before.at;
  const calls = counted.requests - before.calls;
  const used = {
    calls,
    callsPerSecond: (calls / ms) * 1000,
    cpu: ((cpuMs(agent.pid) - before.cpu) / ms) * 100,
    rss: rssMiB(agent.pid),
  };
  stop.abort();
  await Promise.all(open);
  client.close();
  await pod.remove();
  return used;
}

/** HTTP requests in what an agent sends to the engine. */
class RequestCount {
  requests = 0;

  /** A request without a body comes in one piece: the agent sends none with a body but to kill. */
  look(sent: Buffer): void {
    this.requests += sent.toString('latin1').split(' HTTP/1.1\r\n').length - 1;
  }
}
