import type { Logger } from 'pino';
import { PodhandError } from '../../wire/errors.ts';
import type { AgentConfig } from '../config/schema.ts';
import { createHeldRootSource } from '../files/held-root-source.ts';
import { ReaderPool } from '../files/reader/pool.ts';
import { parseMountInfo } from '../linux/mountinfo.ts';
import { readNodeMounts } from '../linux/node.ts';
import { NodeLogPods } from '../pods/node-logs/node-log-pods.ts';
import { HeldContainers } from '../processes/held-containers.ts';
import { dockerCapabilities } from './docker/capabilities.ts';
import { DockerEntrypoint } from './docker/docker-entrypoint.ts';
import { DockerSignal } from './docker/docker-signal.ts';
import { DockerStats } from './docker/docker-stats.ts';
import { Engine } from './docker/engine.ts';
import { DockerLogs } from './docker/logs/docker-logs.ts';
import { DockerContainers } from './docker/watch/containers.ts';
import { createPnsExecutor } from './pns/create-pns-executor.ts';
import { HeldEvents } from './pns/held-events.ts';
import { heldFiles, type OpenHeldRoot } from './pns/held-roles.ts';
import type { Executor, ExecutorName, ExecutorSet } from './roles.ts';
import { configuredExecutors } from './select.ts';

/** The executors that the configuration can choose, over one set of held containers and one source of pods. */
export async function createExecutors(config: AgentConfig, log: Logger, signal: AbortSignal): Promise<ExecutorSet> {
  const names = configuredExecutors(config);
  const events = new HeldEvents(log);
  const held = new HeldContainers(
    {
      cgroupDirectory: config.cgroup.mount,
      roots: config.cgroup.roots,
      holdAfterExitMs: config.hold.afterExit,
      maxEndedPerPod: config.hold.perPod,
      maxEnded: config.hold.perNode,
    },
    events,
  );
  const pool = new ReaderPool({ perPod: config.limits.readersPerPod, perNode: config.limits.readers });
  const node = () => ({ entries: parseMountInfo(readNodeMounts()), kubeletDirectory: config.kubelet.directory });
  const openRoot: OpenHeldRoot = (own, release) => {
    const { rootFd, credentials, mountInfo, podUid = '' } = own;
    if (rootFd === undefined || credentials === undefined) {
      throw new PodhandError('CONTAINER_NOT_SEEN', 'the container ended before its root could be taken');
    }
    return createHeldRootSource({
      pool,
      podUid,
      rootFd,
      mountInfo,
      credentials,
      node: node(),
      allowedMounts: config.mounts.allow,
      onRelease: release,
    });
  };
  const usesEngine = names.has('docker') || config.pns.podSource === 'docker';
  const engine = usesEngine ? new Engine(config.docker.socket) : undefined;
  const byName = new Map<ExecutorName, Executor>();
  const dockerPods = engine && new DockerContainers(engine, log, config.pods.forgetAfter);
  if (names.has('docker') && engine && dockerPods) {
    if (!names.has('pns')) await held.start(signal);
    byName.set('docker', {
      name: 'docker',
      capabilities: dockerCapabilities(true),
      containers: dockerPods,
      logs: new DockerLogs(engine),
      signal: new DockerSignal(engine),
      entrypoint: new DockerEntrypoint(engine),
      stats: new DockerStats(engine, held),
      files: heldFiles(held, openRoot),
    });
  }
  if (names.has('pns')) {
    const nodeLogs = { ...config.nodeLogs, forgetAfter: config.pods.forgetAfter, log };
    byName.set(
      'pns',
      createPnsExecutor({
        source: dockerPods
          ? { containers: dockerPods, tellsEnd: true }
          : { containers: new NodeLogPods(nodeLogs), tellsEnd: false },
        held,
        events,
        openRoot,
        logRoots: { pods: config.nodeLogs.podsDir, docker: config.docker.containersDir },
        ...(engine && { entrypoint: new DockerEntrypoint(engine) }),
        log,
      }),
    );
  }
  return {
    byName,
    saving: (podUid) => ({ pool, node: node(), podUid }),
    heldCount: () => held.all().length,
    close: () => pool.close(),
  };
}
