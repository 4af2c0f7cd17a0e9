import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runDir } from '../node/cache.ts';
import { cgroupHierarchies } from '../node/mounts.ts';
import { isAlive, must, run } from '../node/processes.ts';
import { marker } from './daemon.ts';
import { Places } from './places.ts';

/** Directories that kubelets, runtimes and network plugins write to where they are left to their defaults. */
const places = ['/run', '/run/netns', '/run/containerd', '/var/lib', '/var/lib/cni', '/var/lib/kubelet', '/var/log']
  .concat(['/var/log/pods', '/var/log/containers', '/etc', '/etc/cni', '/opt', '/opt/cni', '/opt/containerd'])
  .concat(['/usr/libexec', '/sys/fs/cgroup']);

const settings = ['vm/overcommit_memory', 'vm/panic_on_oom', 'kernel/panic', 'kernel/panic_on_oops']
  .concat(['kernel/keys/root_maxkeys', 'kernel/keys/root_maxbytes', 'net/ipv4/ip_forward'])
  .concat(['net/bridge/bridge-nf-call-iptables', 'net/bridge/bridge-nf-call-ip6tables']);

/**
 * What this machine has that a cluster could add to or change, as sorted lines. Left out is what other suites of this
 * project, and other clusters, may add at the same time on a shared machine; each has a place of its own.
 */
export async function tracesOf(cluster: string): Promise<string[]> {
  const { id } = new Places(cluster);
  const others = (path: string) =>
    (path.startsWith(`${runDir}/`) && !path.startsWith(`${runDir}/${id}`)) || path.startsWith('/tmp/');
  const lines: string[] = [];
  const mounts = (await readFile('/proc/self/mountinfo', 'utf8')).split('\n').map((line) => line.split(' ')[4] ?? '');
  lines.push(...mounts.filter((point) => !others(point) && !point.includes('/engines/')).map((at) => `mount ${at}`));
  for (const hierarchy of await cgroupHierarchies())
    for (const name of await readdir(hierarchy))
      if (!name.startsWith('podhand-test-') || name.includes(id)) lines.push(`cgroup ${join(hierarchy, name)}`);
  for (const place of places)
    for (const name of await readdir(place).catch(() => [])) lines.push(`file ${join(place, name)}`);
  for (const name of await readdir(runDir)) if (name.includes(id)) lines.push(`file ${join(runDir, name)}`);
  for (const name of settings)
    lines.push(`setting ${name} ${(await readFile(join('/proc/sys', name), 'utf8').catch(() => 'none')).trim()}`);
  lines.push(...(await interfaces()), ...(await firewall()));
  return lines.sort();
}

/** Bridges of clusters, which those name, are looked for by name; veths that hang on another bridge are another's. */
async function interfaces(): Promise<string[]> {
  const links = JSON.parse(await must(['ip', '-json', 'address'])) as {
    ifname: string;
    master?: string;
    addr_info: { local: string }[];
  }[];
  return links
    .filter(({ ifname, master }) => master === undefined && !/^podhand\d+$/.test(ifname))
    .map(({ ifname, addr_info }) => `interface ${ifname} ${addr_info.map(({ local }) => local).join(' ')}`);
}

async function firewall(): Promise<string[]> {
  const { stdout } = await run(['iptables-save']);
  const rules = stdout.toString().split('\n');
  return rules.filter((line) => /^(-A|:\S+ -)/.test(line)).map((line) => `rule ${line}`);
}

/** Processes of a cluster, by the mark that they carry, and of its pods, by their cgroup. */
export async function processesOf(cluster: string): Promise<string[]> {
  const { cgroup } = new Places(cluster);
  const found: string[] = [];
  for (const pid of await readdir('/proc')) {
    // One that has ended but is not yet reaped has its cgroup still.
    if (!/^\d+$/.test(pid) || !(await isAlive(Number(pid)))) continue;
    const at = (file: string) => readFile(join('/proc', pid, file), 'latin1').catch(() => '');
    const marked = (await at('environ')).split('\0').includes(`${marker}=${cluster}`);
    const inPod = (await at('cgroup')).includes(`:${cgroup}/`);
    if (marked || inPod) found.push(`${pid} ${(await at('cmdline')).split('\0').join(' ').slice(0, 200)}`);
  }
  return found;
}
