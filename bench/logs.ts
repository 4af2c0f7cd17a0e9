import { spawn } from 'node:child_process';
import { row, timed } from './figures.ts';
import { type BenchSubject, drain, known } from './subject.ts';

const mebibytes = 256;

/** The whole log of an ended container: StreamLogs beside the engine's own client. */
export async function benchLogs({ runtime, clientOf, docker }: BenchSubject): Promise<void> {
  const pod = await runtime.pod();
  const script = `yes ${'0123456789'.repeat(12)} | head -c ${mebibytes * 2 ** 20}`;
  const container = await pod.run({ name: 'main', command: ['/bin/sh', '-c', script] });
  await container.exited();
  const client = clientOf(pod.uid);
  await known(client, 'main');
  const socket = (docker.modem as unknown as { socketPath: string }).socketPath;
  const peer = () =>
    new Promise((resolve, reject) => {
      const child = spawn('docker', ['-H', `unix://${socket}`, 'logs', container.id], {
        stdio: ['ignore', 'ignore', 'inherit'],
      });
      child.once('error', reject);
      child.once('exit', resolve);
    });
  const ours = await timed(() => drain(client.streamLogs({ container: 'main' })));
  const theirs = await timed(peer);
  client.close();
  await pod.remove();
  row(`${mebibytes} MiB of logs (peer: docker logs)`, 's', ours / 1000, theirs / 1000, 'below 1');
}
