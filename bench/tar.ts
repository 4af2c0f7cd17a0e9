import { interleaved, timed } from './figures.ts';
import type { Report } from './report.ts';
import type { Sizes } from './sizes.ts';
import { drain, executors, type Stand } from './stand.ts';
import { transferPod } from './transfer-pod.ts';

const perDirectory = 1000;

/** Many small files as one tar: CollectArtifact, read to its end here, beside tar in the container into a pipe. */
export async function benchTar(stand: Stand, report: Report, { files, rounds }: Sizes): Promise<void> {
  const parts = await transferPod(
    stand,
    `mkdir /many; cd /many; n=0; while [ $n -lt ${files} ]; do ` +
      `[ $((n % ${perDirectory})) = 0 ] && d=$n && mkdir $d; echo $n > $d/$n; n=$((n+1)); done`,
  );
  const { main, clients } = parts;
  const collect = (executor: 'docker' | 'pns') => () =>
    timed(() =>
      drain(clients[executor].collectArtifact({ container: 'main', path: '/many', format: 'ARCHIVE_FORMAT_TAR' })),
    );
  const tar = async () => {
    // Timed by the container's own shell, without the engine's exec.
    const script = 'time -p sh -c "tar -cf - /many | cat > /dev/null"';
    const { stderr } = await main.exec(['sh', '-c', script]);
    const real = /real\s+([\d.]+)/.exec(stderr.toString())?.[1];
    if (real === undefined) throw new Error(`tar in the container was not timed: ${stderr}`);
    return Number(real) * 1000;
  };
  const actions = { docker: collect('docker'), pns: collect('pns'), tar };
  // Once for nothing: the kernel has never seen these files.
  await interleaved(1, actions);
  const measured = await interleaved(rounds, actions);
  await parts.close();
  for (const executor of executors) {
    report.add({
      what: `${files} small files as tar, ${executor} executor`,
      peer: 'tar in the container',
      unit: 'ms',
      podhand: measured[executor],
      against: measured.tar,
      goals: [{ of: 'p50', ratioAtMost: 1.5 }],
    });
  }
}
