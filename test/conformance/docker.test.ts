import { startEngine } from '../node/docker-engine.ts';
import { DockerRuntime } from '../node/docker-runtime.ts';
import { yes } from './capabilities.ts';
import { conformance } from './suite.ts';

conformance('docker executor on a real engine', {
  executor: 'docker',
  open: async () => {
    const engine = await startEngine();
    const runtime = await DockerRuntime.open(engine.docker);
    const close = async () => {
      await runtime.close();
      await engine.close();
    };
    return { runtime, settings: [`docker.socket=${engine.socketPath}`], close };
  },
  terminals: true,
  capabilities: yes({ 'wait.signal': false }),
});
