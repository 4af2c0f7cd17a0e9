import Docker from 'dockerode';
import { chosenEngineSocket } from './cache.ts';
import { OwnEngine } from './own-engine.ts';

/** A real engine of this machine. `own` is absent where it is not ours to stop or restart. */
export interface Engine {
  readonly socketPath: string;
  readonly docker: Docker;
  readonly own?: OwnEngine;
  /** Stops the engine where this call started it; one that was there before is left alone. */
  close(): Promise<void>;
}

const systemSocket = '/var/run/docker.sock';

/**
 * The engine for tests and demo: that of DOCKER_HOST, else the machine's own where its socket answers, else one of ours,
 * installed and started where need be. Ours is shared by every process of this machine that asks for it.
 */
export async function startEngine(): Promise<Engine> {
  for (const socketPath of [chosenEngineSocket(), systemSocket]) {
    if (socketPath === undefined) continue;
    const docker = new Docker({ socketPath });
    if (await answers(docker)) return { socketPath, docker, close: async () => {} };
    if (socketPath !== systemSocket) throw new Error(`no engine answers at DOCKER_HOST (${socketPath})`);
  }
  return await startOwnEngine('engine');
}

/**
 * An engine of ours under a name of its own, with data, socket and containers of its own: for tests that restart or
 * kill it. `startEngine` shares the one named `engine`.
 */
export async function startOwnEngine(name: string): Promise<Engine & { readonly own: OwnEngine }> {
  const own = new OwnEngine(name);
  const started = await own.start();
  const docker = new Docker({ socketPath: own.socketPath });
  return { socketPath: own.socketPath, docker, own, close: async () => (started ? await own.stop() : undefined) };
}

/** Whether Docker is there without anything being installed or started. The demo chooses by this. */
export async function findEngine(): Promise<string | undefined> {
  const socketPath = chosenEngineSocket() ?? systemSocket;
  return (await answers(new Docker({ socketPath }))) ? socketPath : undefined;
}

async function answers(docker: Docker): Promise<boolean> {
  return await docker.ping().then(
    () => true,
    () => false,
  );
}
