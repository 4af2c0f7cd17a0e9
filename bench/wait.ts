import { readFileSync } from 'node:fs';
import { figures, row } from './figures.ts';
import { type BenchSubject, drain, known } from './subject.ts';

const runs = 30;

/** From the kill of a container to the answer: Wait beside the engine's own wait, on the same containers. */
export async function benchWait({ docker, runtime, clientOf }: BenchSubject): Promise<void> {
  const pod = await runtime.pod();
  const ours: number[] = [];
  const theirs: number[] = [];
  const client = clientOf(pod.uid);
  for (let run = 0; run < runs; run += 1) {
    const name = `main-${run}`;
    const container = await pod.run({ name, command: ['/bin/sleep', '600'] });
    await known(client, name);
    let start = 0;
    const since = (into: number[]) => () => void into.push(performance.now() - start);
    const answers = [
      drain(client.wait({ containers: [name] })).then(since(ours)),
      docker.getContainer(container.id).wait().then(since(theirs)),
    ];
    await new Promise((resolve) => setTimeout(resolve, 100));
    start = performance.now();
    process.kill(await container.pid(), 'SIGKILL');
    await Promise.all(answers);
  }
  client.close();
  await pod.remove();
  const [a, b] = [figures(ours), figures(theirs)];
  row(`exit to Wait's answer, p50 of ${runs} (peer: docker wait)`, 'ms', a.p50, b.p50, 'p99 at most 1.2');
  row(`exit to Wait's answer, p99 of ${runs} (peer: docker wait)`, 'ms', a.p99, b.p99, 'at most 1.2; pns within 5 ms');
}

/** What 200 waiting calls cost the agent. */
export async function benchManyWaits({ runtime, agent, clientOf }: BenchSubject): Promise<void> {
  const pod = await runtime.pod();
  await pod.run({ name: 'main', command: ['/bin/sleep', '600'] });
  const client = clientOf(pod.uid);
  await known(client, 'main');
  const use = async () => {
    const before = cpuMs(agent.pid);
    await new Promise((resolve) => setTimeout(resolve, 5000));
    return { cpu: (cpuMs(agent.pid) - before) / 5000, rss: rssMiB(agent.pid) };
  };
  const idle = await use();
  const stop = new AbortController();
  const waits = Array.from({ length: 200 }, () =>
    drain(client.wait({ containers: ['main'] }, { signal: stop.signal })).catch(() => undefined),
  );
  const busy = await use();
  stop.abort();
  await Promise.all(waits);
  client.close();
  await pod.remove();
  row('agent memory with 200 waits (peer: with none)', 'MiB', busy.rss, idle.rss, 'near 1');
  console.log(
    `${'agent CPU with 200 waits, of one core'.padEnd(52)} ${(busy.cpu * 100).toFixed(2)} %, with none ${(idle.cpu * 100).toFixed(2)} %`,
  );
}

function cpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

function rssMiB(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]) / 1024;
}
