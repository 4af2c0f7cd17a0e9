import { execFileSync } from 'node:child_process';
import { cpus, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { builtComponents } from '../cluster/build/components.ts';
import { startEngine } from '../node/docker-engine.ts';

/** What the cases were tried on. */
export async function machine(): Promise<string> {
  const engine = await startEngine();
  const { Version, Components = [] } = await engine.docker.version();
  await engine.close();
  const component = (name: string) => Components.find(({ Name }) => Name === name)?.Version ?? 'unknown';
  const said = (program: string) => execFileSync(program, ['--version'], { encoding: 'utf8' }).trim();
  return [
    `Tried on ${new Date().toISOString().slice(0, 10)}: Linux ${release().split('-')[0]} (${process.arch}), ${cpus().length} CPUs,`,
    `${Math.round(totalmem() / 2 ** 30)} GiB; Node ${process.versions.node}; Docker ${Version},`,
    `containerd ${component('containerd')}, runc ${component('runc')};`,
    `${said(join(builtComponents().bin, 'kubelet'))}.`,
  ].join(' ');
}
