import { readFileSync } from 'node:fs';
import { pino } from 'pino';
import { createPnsExecutor } from '../../src/agent/executors/pns/create-pns-executor.ts';
import { HeldEvents } from '../../src/agent/executors/pns/held-events.ts';
import type { OpenHeldRoot } from '../../src/agent/executors/pns/held-roles.ts';
import type { PodSource } from '../../src/agent/executors/pns/pns-containers.ts';
import type { Executor } from '../../src/agent/executors/roles.ts';
import type { FileBody, FileSource } from '../../src/agent/files/source.ts';
import type { LogRoots } from '../../src/agent/logs/log-directory.ts';
import { type Container, hasEnded } from '../../src/agent/pods/model.ts';
import { NodeLogPods } from '../../src/agent/pods/node-logs/node-log-pods.ts';
import { type PodChange, PodStore } from '../../src/agent/pods/store.ts';
import { HeldContainers } from '../../src/agent/processes/held-containers.ts';

export const silent = pino({ level: 'silent' });

/** The pns executor on this machine, feeding a store; it remembers everything that the store was told. */
export class PnsNode {
  readonly store = new PodStore();
  readonly changes: PodChange[] = [];
  readonly held: HeldContainers;
  readonly executor: Executor;
  readonly #stop = new AbortController();

  constructor(source: PodSource, logRoots: LogRoots) {
    const events = new HeldEvents(silent);
    this.held = new HeldContainers({ roots: ['/kubepods'] }, events);
    const patience = { process: 2_000, source: 10_000 };
    const parts = { source, held: this.held, events, openRoot: openForTests, logRoots, patience, log: silent };
    this.executor = createPnsExecutor(parts);
    this.store.subscribe((change) => this.changes.push(change), this.#stop.signal);
  }

  /** With names from the log directories below `logDir`. */
  static byLogs(logDir: string, forgetAfter = 60_000): PnsNode {
    const podsDir = `${logDir}/pods`;
    const containersDir = `${logDir}/containers`;
    const containers = new NodeLogPods({ podsDir, containersDir, forgetAfter, log: silent });
    return new PnsNode({ name: 'node-logs', containers, tellsEnd: false, reusesIds: false }, { pods: podsDir });
  }

  async start(): Promise<this> {
    await this.executor.containers.feed(this.store, this.#stop.signal);
    return this;
  }

  until(podUid: string, name: string, wanted: (container: Container) => boolean): Promise<Container> {
    const { promise, resolve } = Promise.withResolvers<Container>();
    const done = new AbortController();
    const look = () => {
      const found = this.store.attempts(podUid).findLast((one) => one.name === name && wanted(one));
      if (found === undefined) return;
      done.abort();
      resolve(found);
    };
    this.store.subscribe(look, done.signal);
    look();
    return promise;
  }

  ended(podUid: string, name: string): Promise<Container> {
    return this.until(podUid, name, hasEnded);
  }

  /** What the store was told of a container name, in order. */
  told(podUid: string, name: string): Container[] {
    return this.changes.flatMap((change) => {
      const isIt = change.type === 'container' && change.pod.uid === podUid && change.container.name === name;
      return isIt ? [change.container] : [];
    });
  }

  stop(): void {
    this.#stop.abort();
  }
}

/** Reads whole files through the held root: what the roles hand out is tried, not how paths are resolved. */
const openForTests: OpenHeldRoot = (held, release) => {
  const unused = () => Promise.reject(new Error('not tried here'));
  const source: FileSource = {
    readFile: async (path): Promise<FileBody> => {
      const data = readFileSync(`/proc/self/fd/${held.rootFd}${path.toString()}`);
      const facts = { type: 'file', size: data.length, mode: 0, uid: 0, gid: 0, modifiedAt: new Date() } as const;
      return {
        facts,
        chunks: (async function* () {
          yield data;
        })(),
        summary: () => {
          throw new Error('not tried here');
        },
      };
    },
    readTar: unused,
    copyTo: unused,
    release,
  };
  return source;
};
