// Real Kubernetes clusters of the tests, by hand:
//   npm run cluster build                           build the programs, which `up` does as well where need be
//   npm run cluster up [docker|containerd] [name]   bring a cluster up
//   npm run cluster status                          what runs
//   npm run cluster down [name]                     remove a cluster, or all of them; caches stay
import { readdir } from 'node:fs/promises';
import { ensurePrograms } from '../test/cluster/bring-up.ts';
import { Cluster } from '../test/cluster/cluster.ts';
import type { ClusterRuntime } from '../test/cluster/places.ts';
import { cacheDir, runDir } from '../test/node/cache.ts';

const commands: Readonly<Record<string, (...args: string[]) => Promise<void>>> = {
  async build() {
    say(`programs ${(await ensurePrograms()).bin}`);
  },

  async up(runtime = 'docker', name = runtime) {
    if (!isRuntime(runtime)) return usage();
    const cluster = await Cluster.up({ runtime, name });
    await show(cluster);
    say(`try      kubectl --kubeconfig=${cluster.kubeconfig} get pods -A`);
  },

  async status() {
    say(`cache    ${cacheDir()}`);
    for (const name of await names()) {
      const cluster = await Cluster.find(name);
      if (cluster === undefined) say(`cluster  ${name}: left over, half up`);
      else await show(cluster);
    }
  },

  async down(...chosen) {
    for (const name of chosen.length > 0 ? chosen : await names()) {
      await Cluster.down(name);
      say(`removed cluster ${name}`);
    }
  },
};

function isRuntime(name: string): name is ClusterRuntime {
  return name === 'docker' || name === 'containerd';
}

/** Every cluster that has left a directory. */
async function names(): Promise<string[]> {
  const found = await readdir(runDir).catch((): string[] => []);
  return found.filter((name) => name.startsWith('cluster-')).map((name) => name.slice('cluster-'.length));
}

async function show(cluster: Cluster): Promise<void> {
  const ended = [...(await cluster.running())].filter(([, runs]) => !runs).map(([name]) => name);
  say(
    `cluster  ${cluster.name} (${cluster.plan.runtime}) ${ended.length === 0 ? 'up' : `without ${ended.join(', ')}`}`,
  );
  say(`api      ${cluster.apiUrl}`);
  say(`kubelet  ${cluster.kubeletUrl}  ${cluster.kubeletDir}`);
  say(`runtime  ${cluster.runtimeSocket}`);
  say(`config   ${cluster.kubeconfig}`);
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

function usage(): never {
  process.stderr.write(`usage: npm run cluster ${Object.keys(commands).join('|')} [docker|containerd] [name]\n`);
  process.exit(64);
}

const [, , command = '', ...args] = process.argv;
await (commands[command] ?? usage)(...args);
