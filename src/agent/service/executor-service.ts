import type { ExecutorServiceHandlers } from '../../wire/generated/podhand/v1/ExecutorService.ts';
import type { RpcAdapter } from '../rpc/adapter.ts';
import { audited } from './audited.ts';
import { collectArtifact } from './collect-artifact.ts';
import type { ServiceDependencies } from './dependencies.ts';
import { getInfo } from './get-info.ts';
import { kill } from './kill.ts';
import { listContainers } from './list-containers.ts';
import { readFile } from './read-file.ts';
import { resolveEntrypoint } from './resolve-entrypoint.ts';
import { saveArtifact } from './save-artifact.ts';
import { streamLogs } from './stream-logs.ts';
import { wait } from './wait.ts';
import { watchStats } from './watch-stats.ts';

/** The ten RPCs of `podhand.v1.ExecutorService`, each one function, each through the adapter. */
export function executorService(rpc: RpcAdapter, dependencies: ServiceDependencies): ExecutorServiceHandlers {
  return {
    GetInfo: rpc.unary('GetInfo', (context) => getInfo(dependencies, context)),
    ListContainers: rpc.unary('ListContainers', (context) => listContainers(dependencies, context)),
    Wait: rpc.stream('Wait', (context, request) => wait(dependencies, context, request), { isEndless: () => true }),
    Kill: rpc.unary('Kill', (context, request) => kill(dependencies, context, request), audited.kill),
    StreamLogs: rpc.stream('StreamLogs', (context, request) => streamLogs(dependencies, context, request), {
      isEndless: ({ follow }) => follow,
    }),
    ReadFile: rpc.stream('ReadFile', (context, request) => readFile(dependencies, context, request), {
      audited: audited.readFile,
    }),
    CollectArtifact: rpc.stream(
      'CollectArtifact',
      (context, request) => collectArtifact(dependencies, context, request),
      { audited: audited.collectArtifact },
    ),
    SaveArtifact: rpc.stream('SaveArtifact', (context, request) => saveArtifact(dependencies, context, request), {
      audited: audited.saveArtifact,
    }),
    ResolveEntrypoint: rpc.unary('ResolveEntrypoint', (context, request) =>
      resolveEntrypoint(dependencies, context, request),
    ),
    WatchStats: rpc.stream('WatchStats', (context, request) => watchStats(dependencies, context, request), {
      isEndless: ({ once }) => !once,
    }),
  };
}
