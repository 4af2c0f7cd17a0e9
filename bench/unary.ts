import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { figures } from './figures.ts';
import type { Report } from './report.ts';
import type { Sizes } from './sizes.ts';
import { known, type Stand } from './stand.ts';
import { inPod } from './transfer-pod.ts';

interface Times {
  readonly alone: number[];
  readonly together: number[];
}

/** GetInfo on the pod's socket, from inside the pod, beside a bare grpc-js server that answers the same message. */
export async function benchUnary(stand: Stand, report: Report, { calls }: Sizes): Promise<void> {
  const agent = await stand.agent('docker');
  const pod = await stand.runtime.pod();
  const volumes = [{ volume: 'outputs', mountPath: '/outputs' }];
  const node = { image: 'node', checkout: true, volumes } as const;
  const caller = await pod.run({ ...node, name: 'caller', command: ['/bin/sleep', '3600'], socketDir: true });
  const client = agent.clientOf(pod.uid);
  await known(client, 'caller');
  const outputs = await pod.volumeDir('outputs');
  const answer = { ...(await client.getInfo()), callerContainer: 'caller' };
  client.close();
  writeFileSync(join(outputs, 'answer.json'), JSON.stringify(answer));
  const server = [
    '/usr/bin/node',
    '/podhand/bench/in-pod/echo-server.ts',
    '/outputs/echo.sock',
    '/outputs/answer.json',
  ];
  await pod.run({ ...node, name: 'echo', command: server });
  while ((await caller.exec(['ls', '/outputs/echo.sock'])).exitCode !== 0) await sleep(100);
  const sockets = ['/run/podhand/agent.sock', '/outputs/echo.sock'];
  const times = await inPod<{ agent: Times; echo: Times }>(caller, 'unary', ...sockets, String(calls));
  await pod.remove();
  await agent.stop();
  report.add({
    what: 'GetInfo on the pod socket, one at a time',
    peer: 'bare grpc-js echo',
    unit: 'ms',
    podhand: figures(times.agent.alone),
    against: figures(times.echo.alone),
    goals: [
      { of: 'p50', ratioAtMost: 1.3 },
      { of: 'p99', ratioAtMost: 1.3 },
    ],
  });
  const [ours, theirs] = [figures(times.agent.together), figures(times.echo.together)];
  report.add({
    what: 'GetInfo on the pod socket, 32 at once, per call',
    peer: 'bare grpc-js echo',
    unit: 'ms',
    podhand: ours,
    against: theirs,
    goals: [{ of: 'p50', ratioAtMost: 1.3 }],
  });
  report.note(`calls a second: podhand ${(1000 / ours.p50).toFixed(0)}, echo ${(1000 / theirs.p50).toFixed(0)}`);
}
