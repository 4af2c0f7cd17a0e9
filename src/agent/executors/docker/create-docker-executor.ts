import type { Logger } from 'pino';
import type { Executor } from '../roles.ts';
import type { ArchiveMountOptions } from './archive/archive-mounts.ts';
import type { SaveFunctions } from './archive/archive-source.ts';
import { dockerCapabilities } from './capabilities.ts';
import { DockerEntrypoint } from './docker-entrypoint.ts';
import { DockerFiles, type HeldFiles } from './docker-files.ts';
import { DockerSignal } from './docker-signal.ts';
import { DockerStats } from './docker-stats.ts';
import type { Engine } from './engine.ts';
import { DockerLogs } from './logs/docker-logs.ts';
import { dockerLogFiles } from './logs/log-files.ts';
import { DockerContainers } from './watch/containers.ts';

export interface DockerExecutorOptions extends ArchiveMountOptions {
  readonly engine: Engine;
  /** Absent where the agent does not see the node's processes: files of running containers are then refused. */
  readonly held?: HeldFiles;
  /** The engine's containers directory, where logs are to be read from its files; absent: the engine is asked. */
  readonly logFiles?: string;
  /** Where files that come through the engine are saved. */
  readonly save: SaveFunctions;
  /** How long a pod is known after its last container was removed, in milliseconds. */
  readonly podRemovalDelayMs: number;
  readonly log: Logger;
}

/** The executor that works through the node's Docker engine, and through the kernel where descriptors are held. */
export function createDockerExecutor(options: DockerExecutorOptions): Executor {
  const { engine, held, log, logFiles, podRemovalDelayMs } = options;
  const containers = new DockerContainers(engine, log, podRemovalDelayMs);
  return {
    name: 'docker',
    capabilities: dockerCapabilities(held !== undefined),
    containers,
    logs: logFiles === undefined ? new DockerLogs(engine) : dockerLogFiles(logFiles, () => containers.store),
    files: new DockerFiles({ ...options, held }),
    signal: new DockerSignal(engine),
    entrypoint: new DockerEntrypoint(engine),
    stats: new DockerStats(engine, held?.containers),
  };
}
