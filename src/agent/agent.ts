import type { Logger } from 'pino';
import { Registry } from 'prom-client';
import { PodhandError } from '../wire/errors.ts';
import type { AgentConfig } from './config/schema.ts';
import type { Caller } from './connection/caller.ts';
import { openCallerRoot } from './connection/caller-root.ts';
import { Connections } from './connection/connections.ts';
import { identify, identifyAdmin } from './connection/identify.ts';
import { countErrors } from './executors/count-errors.ts';
import type { ExecutorSet } from './executors/roles.ts';
import { chooseExecutor, feeder } from './executors/select.ts';
import { KubernetesEndpoint } from './kubernetes/endpoint.ts';
import { RecordEvents } from './kubernetes/record-events.ts';
import { readNodeCgroup } from './linux/node.ts';
import { CallMetrics } from './metrics/call-metrics.ts';
import { connectionEnds } from './metrics/connection-metrics.ts';
import { serveMetrics } from './metrics/endpoint.ts';
import { registerEventLoop } from './metrics/event-loop.ts';
import { gauge } from './metrics/gauges.ts';
import { executorErrors, registerExecutorMetrics, registerProcessMetrics } from './metrics/node-metrics.ts';
import { RecordMetrics } from './metrics/record-metrics.ts';
import { SocketMetrics } from './metrics/socket-metrics.ts';
import { listedPod } from './pods/listed.ts';
import type { Pod } from './pods/model.ts';
import { PodStore } from './pods/store.ts';
import { ExitWatch } from './processes/exit-watch.ts';
import { RecordFiles } from './records/record-files.ts';
import { Recorder } from './records/recorder.ts';
import { RpcAdapter } from './rpc/adapter.ts';
import { Admission } from './rpc/admission.ts';
import { AuditLog } from './rpc/audit.ts';
import { createGrpcServer } from './server/grpc-servers.ts';
import { listenOn } from './server/listen.ts';
import { executorService } from './service/executor-service.ts';
import { healthService, Serving } from './service/health.ts';
import { PodSockets } from './sockets/pod-sockets.ts';
import { cautiousNow } from './steady-clock.ts';
import { startTracing } from './tracing/start-tracing.ts';

const pruneEveryMs = 10 * 60_000;
/** For records that a full disk has refused, or lost. */
const tidyEveryMs = 5_000;

export interface Agent {
  /** Stops taking calls, lets the open ones end within `drain`, then ends them with AGENT_STOPPING. */
  stop(): Promise<void>;
}

interface Options {
  readonly config: AgentConfig;
  readonly version: string;
  readonly log: Logger;
  /** Makes the executors that the configuration can choose. */
  createExecutors(config: AgentConfig, log: Logger, signal: AbortSignal): Promise<ExecutorSet>;
}

/** Brings one agent up; resolves once every socket answers. A failure takes down what was already up. */
export async function startAgent({ config, version, log, createExecutors }: Options): Promise<Agent> {
  const running = new AbortController();
  const calls = new AbortController();
  const closers: (() => unknown)[] = [];
  const close = async () => {
    running.abort();
    for (const closer of closers.reverse()) await closer();
  };
  try {
    const registry = new Registry();
    const store = new PodStore();
    const openWaits = { count: 0 };
    const nameOf = (podUid: string, containerId: string) => store.byId(podUid, containerId)?.name;
    const audit = config.log.audit ? new AuditLog(log, nameOf) : undefined;
    closers.push(() => audit?.close());
    const { endpoint } = config.tracing;
    const tracer =
      endpoint === '' ? undefined : await startTracing({ endpoint, version, nodeName: config.nodeName, log });
    closers.push(() => tracer?.close());
    const admission = new Admission(config.limits);
    const executors = await createExecutors(config, log, running.signal);
    closers.push(() => executors.close());
    closers.push(registerEventLoop(registry));
    registerProcessMetrics(registry, version);
    registerExecutorMetrics(registry, executors, config.limits);
    gauge(registry, 'podhand_pods', 'Pods that the agent knows.', () => store.pods().length);
    const byName = countErrors(executors.byName, executorErrors(registry));
    const executorFor = (podUid: string) => {
      const name = chooseExecutor(config, store.pod(podUid)?.labels ?? {});
      const executor = byName.get(name);
      if (executor === undefined) throw new Error(`executor ${name} was not created`);
      return executor;
    };
    const recordMetrics = new RecordMetrics(registry, {
      unwritten: () => recorder.unwritten,
      isReadable: () => recorder.isReadable,
    });
    const eventsEndpoint = config.records.events ? new KubernetesEndpoint(config.k8sapi) : undefined;
    closers.push(() => eventsEndpoint?.close());
    const told = { nodeName: config.nodeName, log, metrics: recordMetrics };
    const events = eventsEndpoint && new RecordEvents({ endpoint: eventsEndpoint, ...told }, running.signal);
    const files = new RecordFiles(`${config.stateDir}/records`, log, () => recordMetrics.damaged());
    closers.push(() => files.close());
    const recorder: Recorder = new Recorder({
      store,
      files,
      log,
      maxRecords: config.records.maxRecords,
      metrics: recordMetrics,
      onRecord: (record) => events?.tell(record),
      usageAtEnd: (pod, container) => executorFor(pod.uid).stats?.final(container),
    });
    closers.push(() => recorder.settled());
    const exits = new ExitWatch((error) => log.error({ err: error }, 'ends of callers are not seen any more'));
    closers.push(() => exits.close());
    const onFlood = (podUid: string) => sockets.rest(podUid);
    const connections = new Connections({
      limits: config.limits,
      log,
      exits,
      onEnd: connectionEnds(registry),
      onFlood,
    });
    closers.push(() => connections.close());
    const metrics = new CallMetrics(registry, {
      streams: () => admission.streams,
      connections: () => connections.count,
      waits: () => openWaits.count,
    });
    const adapter = new RpcAdapter({
      admission,
      metrics,
      log,
      tracer,
      audit,
      stopping: calls.signal,
      callerOf: (peer) => connections.callerOf(peer),
      podOf: (caller, chosen, call) => podOf(store, caller, chosen, call),
    });
    const executor = executorService(adapter, {
      version,
      config,
      store,
      recorder,
      executorFor,
      openCallerRoot,
      saving: (podUid) => executors.saving(podUid),
      openWaits,
    });
    const serving = new Serving();
    const services = { executor, health: healthService(adapter, serving) };
    const maxStreams = config.limits.streamsPerPod;
    const guard = { maxMemory: config.limits.connectionMemory, begin: (peer: string) => connections.begin(peer) };
    const podServer = createGrpcServer(services, { ...guard, reflection: false, maxStreams });
    const adminServer = createGrpcServer(services, { ...guard, reflection: true, maxStreams: config.limits.streams });
    const nodeCgroup = readNodeCgroup();

    await recorder.start(running.signal);
    await feeder(byName).containers.feed(store, running.signal);
    const sockets: PodSockets = new PodSockets({
      config,
      store,
      metrics: new SocketMetrics(registry),
      log,
      hasProcesses: (podUid) => executors.hasProcesses?.(podUid) ?? false,
      onConnection: (socket, podUid) => {
        const identified = (fd: number) =>
          identify(fd, { store, podUid, nodeCgroup, witness: config.callers.witness, signal: running.signal });
        void connections.accept(socket, podUid, identified, podServer.inject);
      },
    });
    closers.push(() => sockets.close());
    sockets.start(running.signal);
    store.subscribe((change) => {
      if (change.type !== 'pod-removed') return;
      connections.closePod(change.pod.uid);
      admission.forget(change.pod.uid);
    }, running.signal);
    const admin = await listenOn(config.runDir, 'admin.sock', {
      mode: 0o600,
      directoryMode: 0o755,
      onConnection: (socket) => {
        const identified = (fd: number) => identifyAdmin(fd, nodeCgroup);
        void connections.accept(socket, 'admin', identified, adminServer.inject);
      },
      onError: (err) => log.error({ err }, 'a connection to the admin socket could not be accepted'),
    });
    closers.push(() => admin.close());
    const unscraped = (err: Error) => log.error({ err }, 'a connection to the metrics could not be accepted');
    const { listen } = config.metrics;
    const scrape = listen === '' ? undefined : await serveMetrics(listen, registry, unscraped);
    closers.push(() => scrape?.close());
    const prune = setInterval(() => void recorder.prune(new Date(cautiousNow() - config.records.keep)), pruneEveryMs);
    prune.unref();
    closers.push(() => clearInterval(prune));
    const tidy = setInterval(() => void recorder.tidy(), tidyEveryMs);
    tidy.unref();
    closers.push(() => clearInterval(tidy));
    serving.set('serving');

    return {
      stop: async () => {
        serving.set('stopping');
        sockets.close();
        admin.close();
        const drained = Promise.all([podServer.drain(config.drain), adminServer.drain(config.drain)]);
        adapter.drain();
        const timer = setTimeout(() => calls.abort(), Math.max(0, config.drain - 1000));
        await drained;
        clearTimeout(timer);
        calls.abort();
        await close();
      },
    };
  } catch (error) {
    calls.abort();
    await close();
    throw error;
  }
}

async function podOf(
  store: PodStore,
  caller: Caller,
  chosen: string | undefined,
  call: { readonly signal: AbortSignal },
): Promise<Pod> {
  if (caller.kind === 'pod') return await listedPod(store, caller.podUid, call);
  if (chosen === undefined || chosen === '') {
    throw new PodhandError(
      'INVALID_REQUEST',
      'on the admin socket the metadata key podhand-pod chooses the pod: namespace/name or uid',
    );
  }
  const pod = store.pod(chosen) ?? store.podByName(chosen);
  if (pod !== undefined) return pod;
  throw new PodhandError('POD_NOT_FOUND', 'this node has no such pod');
}
