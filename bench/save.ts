import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { must } from '../test/node/processes.ts';
import { interleaved, timed } from './figures.ts';
import type { Report } from './report.ts';
import type { Sizes } from './sizes.ts';
import { executors, type Stand } from './stand.ts';
import { inPod, transferPod } from './transfer-pod.ts';

/** A file of the base layer into the caller's volume: SaveArtifact beside cp on the node and docker cp. */
export async function benchSave(stand: Stand, report: Report, { fileBytes, rounds }: Sizes): Promise<void> {
  const parts = await transferPod(stand, `head -c ${fileBytes} /dev/urandom > /big`);
  const { pod, main, caller } = parts;
  const outputs = await pod.volumeDir('outputs');
  const root = `/proc/${await main.pid()}/root`;
  const destination = join(outputs, 'big');
  const touched = `/dev/shm/podhand-bench-${process.pid}`;
  const save = (executor: string) => async () => {
    const args = [`/sockets/${executor}/agent.sock`, 'main', '/big', '/outputs/big'];
    return (await inPod<{ ms: number }>(caller, 'save', ...args)).ms;
  };
  const between = async () => {
    rmSync(destination, { force: true });
    // Else one would wait for what another has left to be written to the disk.
    await must(['sync']);
    // And for memory: the host of a virtual machine takes back what has been free for seconds, as after a slow copy.
    await must(['sh', '-c', `trap 'rm -f ${touched}' EXIT; head -c ${2 * fileBytes} /dev/zero > ${touched}`]);
  };
  await between();
  const measured = await interleaved(
    rounds,
    {
      docker: save('docker'),
      pns: save('pns'),
      cp: () => timed(() => must(['cp', `${root}/big`, destination])),
      'docker cp': () => timed(() => must(stand.dockerCommand('cp', `${main.id}:/big`, destination))),
    },
    between,
  );
  await parts.close();
  for (const executor of executors) {
    for (const peer of ['cp', 'docker cp'] as const) {
      report.add({
        what: `SaveArtifact of ${fileBytes / 2 ** 20} MiB, ${executor} executor`,
        peer,
        unit: 'ms',
        podhand: measured[executor],
        against: measured[peer],
        // 0.9 times the speed of cp.
        ...(peer === 'cp' && { goals: [{ of: 'p50', ratioAtMost: 1 / 0.9 }] }),
      });
    }
  }
}
