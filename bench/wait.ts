import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TestContainer } from '../test/node/pods.ts';
import { must } from '../test/node/processes.ts';
import { ExitClock } from './exit-clock.ts';
import { figures } from './figures.ts';
import type { Report } from './report.ts';
import type { Sizes } from './sizes.ts';
import { type BenchAgent, drain, executors, known, type Stand } from './stand.ts';

const batch = 10;

/**
 * From the exit of a container's process, as the kernel tells it, to the answer: Wait beside the engine's own wait, on the
 * same containers. The process ends when its input does; what the kernel itself takes for that is not counted.
 */
export async function benchWait(stand: Stand, report: Report, { exits }: Sizes): Promise<void> {
  for (const executor of executors) {
    const agent = await stand.agent(executor);
    const [ours, theirs] = await measure(stand, agent, exits);
    await agent.stop();
    report.add({
      what: `exit to Wait's answer, ${executor} executor`,
      peer: 'docker wait',
      unit: 'ms',
      podhand: figures(ours),
      against: figures(theirs),
      goals: [executor === 'docker' ? { of: 'p99', ratioAtMost: 1.2 } : { of: 'p99', atMost: 5 }],
    });
  }
}

async function measure(stand: Stand, agent: BenchAgent, exits: number): Promise<[number[], number[]]> {
  const pod = await stand.runtime.pod();
  const client = agent.clientOf(pod.uid);
  const ours: number[] = [];
  const theirs: number[] = [];
  const clock = new ExitClock();
  const outputs = await pod.volumeDir('outputs');
  const end = async (container: TestContainer): Promise<void> => {
    const input = await open(join(outputs, container.name), 'w');
    const { exited } = await clock.watch(await container.pid());
    const now = () => process.hrtime.bigint();
    // What the docker command sends, without the time that the command itself takes to end.
    const peer = stand.docker.getContainer(container.id).wait().then(now);
    const answer = drain(client.wait({ containers: [container.name] })).then(now);
    await sleep(30);
    await input.close();
    const start = await exited;
    const since = (end: bigint) => Number(end - start) / 1e6;
    ours.push(since(await answer));
    theirs.push(since(await peer));
  };
  const run = async (name: string): Promise<TestContainer> => {
    await must(['mkfifo', join(outputs, name)]);
    const volumes = [{ volume: 'outputs', mountPath: '/outputs' }];
    return await pod.run({ name, command: ['/bin/cat', `/outputs/${name}`], volumes });
  };
  while (ours.length < exits) {
    const names = Array.from({ length: Math.min(batch, exits - ours.length) }, (_, at) => `main-${ours.length + at}`);
    const containers = await Promise.all(names.map((name) => run(name)));
    for (const name of names) await known(client, name);
    for (const container of containers) {
      await end(container);
      // The engine is still busy with the last one for a while.
      await sleep(100);
    }
  }
  client.close();
  await clock.close();
  await pod.remove();
  return [ours, theirs];
}
