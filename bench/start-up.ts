import { fileURLToPath } from 'node:url';
import { ensureFiles } from '../test/node/debian.ts';
import { run } from '../test/node/processes.ts';
import { figures } from './figures.ts';
import type { Report } from './report.ts';
import type { Sizes } from './sizes.ts';
import { known, type Stand } from './stand.ts';

const time = '/usr/bin/time';
const bin = fileURLToPath(new URL('../bin/podhand', import.meta.url));

/** From the start of a client to its end, and the most memory that it had, beside commands of the same trade. */
export async function benchStartUp(stand: Stand, report: Report, { rounds }: Sizes): Promise<void> {
  await ensureFiles([time], ['time']);
  const agent = await stand.agent('docker');
  const pod = await stand.runtime.pod();
  await pod.run({ name: 'main', command: ['/bin/sleep', '3600'] });
  const client = agent.clientOf(pod.uid);
  await known(client, 'main');
  client.close();
  const node = process.execPath;
  const commands: Record<string, string[]> = {
    'podhand --version': [node, bin, '--version'],
    'podhand ps': [node, bin, '--socket', agent.adminSocket, '--pod', pod.uid, 'ps'],
    'node -e 0': [node, '-e', '0'],
    'docker version': stand.dockerCommand('version'),
    'docker ps': stand.dockerCommand('ps'),
  };
  if ((await run(['kubectl', 'version', '--client']).catch(() => undefined))?.exitCode === 0)
    commands['kubectl version --client'] = ['kubectl', 'version', '--client'];
  const measured = await measure(commands, 4 * rounds);
  await pod.remove();
  await agent.stop();
  for (const ours of ['podhand --version', 'podhand ps']) {
    for (const peer of Object.keys(commands).filter((name) => !name.startsWith('podhand'))) {
      for (const unit of ['ms', 'MiB'] as const) {
        const what = `${ours}, ${unit === 'ms' ? 'start to end' : 'most memory'}`;
        const [podhand, against] = [ours, peer].map((name) => figures(measured[name]?.[unit] ?? []));
        if (podhand !== undefined && against !== undefined) report.add({ what, peer, unit, podhand, against });
      }
    }
  }
}

type Uses = Record<string, { ms: number[]; MiB: number[] }>;

async function measure(commands: Readonly<Record<string, string[]>>, rounds: number): Promise<Uses> {
  const uses: Uses = Object.fromEntries(Object.keys(commands).map((name) => [name, { ms: [], MiB: [] }]));
  // The first round fills caches, the one of compiled code too.
  for (let round = -1; round < rounds; round += 1) {
    for (const [name, command] of Object.entries(commands)) {
      const start = performance.now();
      const { exitCode, stderr } = await run([time, '-f', 'memory %M', ...command], {
        env: { PATH: '/usr/local/bin:/usr/bin:/bin' },
      });
      const ms = performance.now() - start;
      if (exitCode !== 0) throw new Error(`${command.join(' ')} ended with ${exitCode}: ${stderr}`);
      if (round < 0) continue;
      uses[name]?.ms.push(ms);
      uses[name]?.MiB.push(Number(/memory (\d+)/.exec(stderr.toString())?.[1]) / 1024);
    }
  }
  return uses;
}
