import { fileURLToPath } from 'node:url';
import type Docker from 'dockerode';
import { releaseEmissary } from '../emissary/running.ts';
import { must } from '../node/processes.ts';
import { ensureNodeBase } from './base-image.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** The images that the Dockerfile makes. */
export interface BuiltImages {
  readonly agent: string;
  readonly client: string;
}

/** Builds both from this checkout, on the base image of this machine. The engine's cache makes the second time quick. */
export async function buildImages(docker: Docker, socketPath: string): Promise<BuiltImages> {
  const base = await ensureNodeBase(docker, socketPath);
  await releaseEmissary();
  const images = { agent: 'podhand-test/agent:checkout', client: 'podhand-test/client:checkout' };
  for (const [target, tag] of Object.entries(images)) {
    // The host's network: the engine of the tests has no bridge, and npm has to reach its registry.
    const options = ['--network=host', '--build-arg', `NODE_IMAGE=${base}`, '--target', target, '--tag', tag];
    await must(['docker', '-H', `unix://${socketPath}`, 'build', '--quiet', ...options, root], {
      env: { ...process.env, DOCKER_BUILDKIT: '0' },
    });
  }
  return images;
}
