import { row, timed } from './figures.ts';
import { type BenchSubject, drain, known } from './subject.ts';

const files = 100_000;

/** Many small files as one tar: CollectArtifact beside tar in the container. */
export async function benchTar({ runtime, clientOf }: BenchSubject): Promise<void> {
  const pod = await runtime.pod();
  const script = `mkdir /many; cd /many; for d in $(seq 1 100); do mkdir $d; for f in $(seq 1 ${files / 100}); do echo $f > $d/$f; done; done; touch /ready; exec sleep 600`;
  const container = await pod.run({ name: 'main', command: ['/bin/sh', '-c', script] });
  const client = clientOf(pod.uid);
  await known(client, 'main');
  while ((await container.exec(['ls', '/ready'])).exitCode !== 0)
    await new Promise((resolve) => setTimeout(resolve, 200));
  const peer = () => container.exec(['sh', '-c', 'tar -cf - /many > /dev/null']);
  await peer();
  const theirs = await timed(peer);
  const ours = await timed(() =>
    drain(client.collectArtifact({ container: 'main', path: '/many', format: 'ARCHIVE_FORMAT_TAR' })),
  );
  client.close();
  await pod.remove();
  row(`${files} small files as tar (peer: tar in the container)`, 's', ours / 1000, theirs / 1000, 'at most 1.5');
}
