import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { interleaved, timed } from './figures.ts';
import type { Report } from './report.ts';
import type { Sizes } from './sizes.ts';
import { drain, executors, type Stand } from './stand.ts';
import { transferPod } from './transfer-pod.ts';

/** The engine's cost is by line, not by byte: 1 GiB of short lines takes it minutes. */
const line = '0123456789'.repeat(50);

/** A whole log: StreamLogs, read to its end here, beside docker logs into nothing. */
export async function benchLogs(stand: Stand, report: Report, { logBytes, rounds }: Sizes): Promise<void> {
  const parts = await transferPod(stand, `yes ${line} | head -c ${logBytes}`);
  const { main, clients } = parts;
  const read = (executor: 'docker' | 'pns') => () =>
    timed(() => drain(clients[executor].streamLogs({ container: 'main' })));
  const measured = await interleaved(Math.min(3, rounds), {
    docker: read('docker'),
    pns: read('pns'),
    'docker logs': () => timed(() => intoNothing(stand.dockerCommand('logs', main.id))),
  });
  await parts.close();
  for (const executor of executors) {
    report.add({
      what: `${logBytes / 2 ** 20} MiB of logs, ${executor === 'docker' ? 'docker executor (docker.logs: files)' : 'pns executor'}`,
      peer: 'docker logs',
      unit: 'ms',
      podhand: measured[executor],
      against: measured['docker logs'],
      goals: [{ of: 'p50', ratioAtMost: 1 }],
    });
  }
}

async function intoNothing([program = '', ...args]: readonly string[]): Promise<void> {
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'inherit'] });
  const [code] = await once(child, 'exit');
  if (code !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${code}`);
}
