import { readFileSync } from 'node:fs';
import { pino } from 'pino';
import { createPnsExecutor } from '../../src/agent/executors/pns/create-pns-executor.ts';
import { HeldEvents } from '../../src/agent/executors/pns/held-events.ts';
import type { OpenHeldRoot } from '../../src/agent/executors/pns/held-roles.ts';
import type { PodSource } from '../../src/agent/executors/pns/pns-containers.ts';
import type { Executor } from '../../src/agent/executors/roles.ts';
import type { FileBody, FileSource } from '../../src/agent/files/source.ts';
import type { LogRoots } from '../../src/agent/logs/log-directory.ts';
import { NodeLogPods } from '../../src/agent/pods/node-logs/node-log-pods.ts';
import { HeldContainers } from '../../src/agent/processes/held-containers.ts';
import { ToldStore } from '../node/told-store.ts';

export const silent = pino({ level: 'silent' });

/** The pns executor on this machine, feeding a store; it remembers everything that the store was told. */
export class PnsNode extends ToldStore {
  readonly held: HeldContainers;
  readonly executor: Executor;

  constructor(source: PodSource, logRoots: LogRoots) {
    super();
    const events = new HeldEvents(silent);
    this.held = new HeldContainers({ roots: ['/kubepods'] }, events);
    const patience = { process: 2_000, source: 10_000 };
    const parts = { source, held: this.held, events, openRoot: openForTests, logRoots, patience, log: silent };
    this.executor = createPnsExecutor(parts);
  }

  /** With names from the log directories below `logDir`. */
  static byLogs(logDir: string, forgetAfter = 60_000): PnsNode {
    const podsDir = `${logDir}/pods`;
    const containersDir = `${logDir}/containers`;
    const containers = new NodeLogPods({ podsDir, containersDir, forgetAfter, log: silent });
    return new PnsNode({ name: 'node-logs', containers, tellsEnd: false, reusesIds: false }, { pods: podsDir });
  }

  async start(): Promise<this> {
    await this.executor.containers.feed(this.store, this.signal);
    return this;
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
