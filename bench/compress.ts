import { must } from '../test/node/processes.ts';
import { interleaved, timed } from './figures.ts';
import type { Report } from './report.ts';
import type { Sizes } from './sizes.ts';
import { drain, executors, type Stand } from './stand.ts';
import { transferPod } from './transfer-pod.ts';

const share = 4;

/** A log as a compressed tar: CollectArtifact, read to its end here, beside the node's own tar and gzip into a pipe. */
export async function benchCompress(stand: Stand, report: Report, { fileBytes, rounds }: Sizes): Promise<void> {
  const bytes = Math.ceil(fileBytes / share);
  const parts = await transferPod(
    stand,
    `awk 'BEGIN { for (;;) print "level=info msg=\\"request " ++n * 7919 % 100003 " is done\\" ms=" n % 977 }' | head -c ${bytes} > /log`,
  );
  const { main, clients } = parts;
  const root = `/proc/${await main.pid()}/root`;
  const collect = (executor: 'docker' | 'pns') => () =>
    timed(() =>
      drain(clients[executor].collectArtifact({ container: 'main', path: '/log', format: 'ARCHIVE_FORMAT_TAR_GZIP' })),
    );
  const measured = await interleaved(rounds, {
    docker: collect('docker'),
    pns: collect('pns'),
    tar: () => timed(() => must(['sh', '-c', `tar -cf - -C ${root} log | gzip | cat > /dev/null`])),
  });
  await parts.close();
  for (const executor of executors) {
    report.add({
      what: `${Math.round(bytes / 2 ** 20)} MiB of text as tgz, ${executor} executor`,
      peer: 'tar and gzip',
      unit: 'ms',
      podhand: measured[executor],
      against: measured.tar,
    });
  }
}
