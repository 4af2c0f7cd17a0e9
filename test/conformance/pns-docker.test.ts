import { startEngine } from '../node/docker-engine.ts';
import { DockerRuntime } from '../node/docker-runtime.ts';
import { yes } from './capabilities.ts';
import { conformance } from './suite.ts';

conformance('pns executor, pods named by a real engine', {
  executor: 'pns',
  open: async () => {
    const engine = await startEngine();
    const runtime = await DockerRuntime.open(engine.docker);
    const { DockerRootDir } = await engine.docker.info();
    const close = async () => {
      await runtime.close();
      await engine.close();
    };
    const settings = [
      'pns.podSource=docker',
      `docker.socket=${engine.socketPath}`,
      `docker.containersDir=${DockerRootDir}/containers`,
    ];
    return { runtime, settings, close };
  },
  terminals: true,
  capabilities: yes({}),
});
