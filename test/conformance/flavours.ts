import { startEngine } from '../node/docker-engine.ts';
import { DockerRuntime } from '../node/docker-runtime.ts';
import { NamespaceRuntime } from '../node/namespace-runtime.ts';
import { yes } from './capabilities.ts';
import type { Flavour } from './subject.ts';

async function openDocker() {
  const engine = await startEngine();
  const runtime = await DockerRuntime.open(engine.docker);
  const close = async () => {
    await runtime.close();
    await engine.close();
  };
  return { engine, runtime, close };
}

export const docker: Flavour = {
  executor: 'docker',
  open: async () => {
    const { engine, runtime, close } = await openDocker();
    return { runtime, settings: [`docker.socket=${engine.socketPath}`], close };
  },
  terminals: true,
  capabilities: yes({ 'wait.signal': false }),
};

export const pnsNamedByDocker: Flavour = {
  executor: 'pns',
  open: async () => {
    const { engine, runtime, close } = await openDocker();
    const { DockerRootDir } = await engine.docker.info();
    const settings = [
      'pns.podSource=docker',
      `docker.socket=${engine.socketPath}`,
      `docker.containersDir=${DockerRootDir}/containers`,
    ];
    return { runtime, settings, close };
  },
  terminals: true,
  capabilities: yes({}),
};

export const pnsOnNamespaces: Flavour = {
  executor: 'pns',
  open: async () => {
    const runtime = await NamespaceRuntime.open();
    const settings = [`nodeLogs.podsDir=${runtime.logDir}/pods`, `nodeLogs.containersDir=${runtime.logDir}/containers`];
    return { runtime, settings, close: () => runtime.close() };
  },
  terminals: false,
  capabilities: yes({ entrypoint: false }),
};

/** The same with more settings of the agent. */
export function withSettings(flavour: Flavour, more: readonly string[]): Flavour {
  return {
    ...flavour,
    open: async () => {
      const opened = await flavour.open();
      return { ...opened, settings: [...opened.settings, ...more] };
    },
  };
}
