import type { Logger } from 'pino';
import { PodhandError } from '../../../wire/errors.ts';
import type { LogRoots } from '../../logs/log-directory.ts';
import { createNodeLogs } from '../../logs/node-logs.ts';
import type { HeldContainers } from '../../processes/held-containers.ts';
import type { EntrypointRole, Executor, LogsRole } from '../roles.ts';
import { type ImageStore, pnsCapabilities } from './capabilities.ts';
import type { HeldEvents } from './held-events.ts';
import { heldFiles, heldSignals, heldStats, type OpenHeldRoot } from './held-roles.ts';
import { PnsContainers, type PnsPatience, type PodSource } from './pns-containers.ts';

export interface PnsOptions {
  readonly source: PodSource;
  /** Not started yet: the containers role does it. Its listener is `events`. */
  readonly held: HeldContainers;
  readonly events: HeldEvents;
  readonly openRoot: OpenHeldRoot;
  /** Where the node's log files may be. */
  readonly logRoots: LogRoots;
  /** The pod source's own logs, in the place of those files. */
  readonly apiLogs?: LogsRole;
  readonly entrypoint?: EntrypointRole;
  /** What `entrypoint` asks. */
  readonly imageStore?: ImageStore;
  readonly patience?: PnsPatience;
  readonly log: Logger;
}

const defaultPatience: PnsPatience = { process: 5_000, source: 10_000 };
const drain = { settle: 250, longest: 5_000 };

/**
 * The executor that reaches containers through the kernel: processes by their cgroup, ends and signals by pidfd, files
 * through the held root, figures from the cgroup, logs from the node's files or the pod source. Names come from the pod source.
 */
export function createPnsExecutor(options: PnsOptions): Executor {
  const { source, held, events, entrypoint, apiLogs, log, patience = defaultPatience } = options;
  const containers = new PnsContainers({ source, held, events, patience, log });
  return {
    name: 'pns',
    capabilities: pnsCapabilities({
      source: source.name,
      imageStore: options.imageStore,
      logs: apiLogs === undefined ? 'node' : 'api',
    }),
    containers,
    logs: apiLogs ?? pnsLogs(containers, options.logRoots),
    files: heldFiles(held, options.openRoot),
    signal: heldSignals(held),
    stats: heldStats(held),
    ...(entrypoint !== undefined && { entrypoint }),
  };
}

/** A source that tells ends does so after the runtime has written everything: nothing has to settle then. */
function pnsLogs(containers: PnsContainers, roots: LogRoots): LogsRole {
  return {
    read: (container, options, signal) => {
      const { store } = containers;
      if (store === undefined) throw new PodhandError('RUNTIME_UNAVAILABLE', 'the agent does not know its pods yet');
      const drained = containers.endedBySource.bind(containers);
      return createNodeLogs({ store, roots, drain: { ...drain, drained } }).read(container, options, signal);
    },
  };
}
