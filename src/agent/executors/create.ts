import type { Logger } from 'pino';
import { PodhandError } from '../../wire/errors.ts';
import { podSources } from '../config/kubernetes.ts';
import type { AgentConfig } from '../config/schema.ts';
import { createHeldRootSource } from '../files/held-root-source.ts';
import { mountTable } from '../files/mounts.ts';
import { ReaderPool } from '../files/reader/pool.ts';
import { extractTo, writeStream } from '../files/save.ts';
import type { SaveOptions } from '../files/write-place.ts';
import { ImageFiles } from '../images/image-files.ts';
import { nodeMounts } from '../linux/node.ts';
import { NodeLogPods } from '../pods/node-logs/node-log-pods.ts';
import { HeldContainers } from '../processes/held-containers.ts';
import { createDockerExecutor } from './docker/create-docker-executor.ts';
import { Engine } from './docker/engine.ts';
import { createEmissaryExecutor } from './emissary/create-emissary-executor.ts';
import { createKubernetesParts, type KubernetesParts } from './kubernetes.ts';
import { createPnsExecutor } from './pns/create-pns-executor.ts';
import { HeldEvents } from './pns/held-events.ts';
import type { OpenHeldRoot } from './pns/held-roles.ts';
import type { PodSource } from './pns/pns-containers.ts';
import type { EntrypointRole, Executor, ExecutorName, ExecutorSet } from './roles.ts';
import { chooseExecutor, configuredExecutors } from './select.ts';

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
  const node = () => nodeMounts(config.kubelet.directory);
  const openRoot: OpenHeldRoot = (own, release) => {
    const { rootFd, credentials, mountInfo, podUid = '' } = own;
    if (rootFd === undefined || credentials === undefined) {
      throw new PodhandError('CONTAINER_NOT_SEEN', 'the container ended before its root could be taken');
    }
    return createHeldRootSource({
      pool,
      podUid,
      rootFd,
      mounts: mountTable({ rootFd, mountInfo }, node(), podUid),
      credentials,
      node: node(),
      allowedMounts: config.mounts.allow,
      onRelease: release,
    });
  };
  const holds = names.has('pns') || (names.has('emissary') && config.emissary.hold);
  const usesEngine = podSources(config).has('docker');
  const engine = usesEngine ? new Engine(config.docker.socket) : undefined;
  const byName = new Map<ExecutorName, Executor>();
  const saving = (podUid: string) => ({ pool, node: node(), podUid });
  const docker =
    engine &&
    createDockerExecutor({
      engine,
      ...((holds || names.has('docker')) && { held: { containers: held, openRoot } }),
      allowed: config.mounts.allow,
      kubeletDirectory: config.kubelet.directory,
      save: {
        file: (to, chunks, abort) => writeStream(saving(to.root.podUid), to, chunks, abort),
        tree: async (to, tar, limits, abort) => (await extractTo(saving(to.root.podUid), to, tar, limits, abort)).size,
      },
      podRemovalDelayMs: config.pods.forgetAfter,
      ...(config.docker.logs === 'files' && { logFiles: config.docker.containersDir }),
      log,
    });
  if (docker && names.has('docker')) byName.set('docker', docker);
  // Known at start-up: a node has its runtime before it has pods.
  const imageFiles = ImageFiles.find(config.imageStores);
  const kubernetes = createKubernetesParts(config, log, { saving, entrypoint: imageFiles });
  if (kubernetes && names.has(kubernetes.name)) byName.set(kubernetes.name, kubernetes.executor);
  // The containers role of pns starts them itself.
  if (names.has('docker') && !holds) await held.start(signal);
  const pns = holds ? pnsOver({ config, docker, kubernetes, imageFiles, held, events, openRoot, log }) : undefined;
  if (pns && names.has('pns')) byName.set('pns', pns);
  const beneath = pns ?? docker ?? kubernetes?.executor;
  if (beneath && names.has('emissary')) {
    const heldParts = pns && { containers: held, events };
    byName.set('emissary', emissaryOver({ config, beneath, kubernetes, held: heldParts, saving, log }));
  }
  return {
    byName,
    saving,
    hasProcesses: (podUid) => held.all().some((one) => one.podUid === podUid && !one.ended),
    heldCount: () => held.all().length,
    readers: () => pool.stats,
    close: async () => {
      await kubernetes?.close();
      await pool.close();
    },
  };
}

interface Parts {
  readonly config: AgentConfig;
  readonly kubernetes: KubernetesParts | undefined;
  readonly log: Logger;
}

interface PnsParts extends Parts {
  readonly docker: Executor | undefined;
  readonly imageFiles: ImageFiles | undefined;
  readonly held: HeldContainers;
  readonly events: HeldEvents;
  readonly openRoot: OpenHeldRoot;
}

function pnsOver({ config, docker, kubernetes, imageFiles, held, events, openRoot, log }: PnsParts): Executor {
  return createPnsExecutor({
    source: docker
      ? { name: 'docker', containers: docker.containers, tellsEnd: true, reusesIds: true }
      : kubernetes
        ? { name: kubernetes.name, containers: kubernetes.pods, tellsEnd: true, reusesIds: false }
        : nodeLogSource(config, log),
    held,
    events,
    openRoot,
    logRoots: { pods: config.nodeLogs.podsDir, docker: config.docker.containersDir },
    ...(config.pns.logs === 'api' && kubernetes?.executor.logs && { apiLogs: kubernetes.executor.logs }),
    ...entrypointOf(docker?.entrypoint, kubernetes && imageFiles),
    log,
  });
}

function nodeLogSource({ nodeLogs, pods }: AgentConfig, log: Logger): PodSource {
  const containers = new NodeLogPods({ ...nodeLogs, forgetAfter: pods.forgetAfter, log });
  return { name: 'node-logs', containers, tellsEnd: false, reusesIds: false };
}

interface EmissaryParts extends Parts {
  readonly beneath: Executor;
  readonly held: { readonly containers: HeldContainers; readonly events: HeldEvents } | undefined;
  saving(podUid: string): SaveOptions;
}

function emissaryOver({ config, beneath, kubernetes, held, saving, log }: EmissaryParts): Executor {
  return createEmissaryExecutor({
    beneath,
    ...(kubernetes && { hasten: () => kubernetes.pods.hasten() }),
    ...(held && { held }),
    kubeletDirectory: config.kubelet.directory,
    volumes: config.emissary.volumes,
    collectWithinMs: config.emissary.collectWithin,
    isOurs: ({ labels = {} }) => chooseExecutor(config, labels) === 'emissary',
    saving,
    log,
  });
}

/** The engine knows its images whatever its files look like. Log files do not say of what image a container is. */
function entrypointOf(engine: EntrypointRole | undefined, files: ImageFiles | undefined) {
  if (engine !== undefined) return { entrypoint: engine, imageStore: 'engine' } as const;
  return files === undefined ? {} : ({ entrypoint: files, imageStore: 'files' } as const);
}
