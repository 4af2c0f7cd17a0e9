import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import type { Server, Socket } from 'node:net';
import { join } from 'node:path';
import type { Logger } from 'pino';
import type { Pod } from '../pods/model.ts';
import type { PodStore } from '../pods/store.ts';
import { listenOn } from './listen.ts';

/** A pod uid that may be a directory's name. */
const uidShape = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

interface Options {
  /** `<run directory>/pods`. */
  readonly directory: string;
  readonly store: PodStore;
  readonly log: Logger;
  onConnection(socket: Socket, podUid: string): void;
}

/**
 * One socket per pod, at `<directory>/<pod uid>/agent.sock`, there as long as the pod is on the node. The directory is
 * what gets mounted into the pod; the socket inside it comes back in the same place after a restart of the agent.
 */
export class PodSockets {
  readonly #options: Options;
  readonly #servers = new Map<string, Promise<Server | undefined>>();

  constructor(options: Options) {
    this.#options = options;
  }

  /** Listens for the pods of the store and for those that come, until `signal` aborts. */
  async start(signal: AbortSignal): Promise<void> {
    mkdirSync(this.#options.directory, { recursive: true, mode: 0o755 });
    this.#options.store.subscribe((change) => {
      if (change.type === 'pod-added') this.#add(change.pod);
      if (change.type === 'pod-removed') void this.#remove(change.pod.uid);
    }, signal);
    for (const pod of this.#options.store.pods()) this.#add(pod);
    this.#removeStale();
    await Promise.all(this.#servers.values());
  }

  /** Stops listening; the directories stay, since pods have them mounted. */
  async close(): Promise<void> {
    for (const server of await Promise.all(this.#servers.values())) server?.close();
    this.#servers.clear();
  }

  #add(pod: Pod): void {
    if (this.#servers.has(pod.uid)) return;
    if (!uidShape.test(pod.uid)) {
      this.#options.log.warn(
        { pod: `${pod.namespace}/${pod.name}` },
        'no socket: the pod uid cannot be a directory name',
      );
      return;
    }
    this.#servers.set(pod.uid, this.#listen(pod));
  }

  async #listen(pod: Pod): Promise<Server | undefined> {
    const { directory, log, onConnection } = this.#options;
    try {
      return await listenOn(join(directory, pod.uid), 'agent.sock', {
        // Any user of the pod may call: what keeps others out is that only this pod has the directory.
        mode: 0o666,
        directoryMode: 0o755,
        onConnection: (socket) => onConnection(socket, pod.uid),
      });
    } catch (error) {
      log.error({ err: error, pod: `${pod.namespace}/${pod.name}` }, 'no socket for this pod');
      return undefined;
    }
  }

  async #remove(uid: string): Promise<void> {
    const server = await this.#servers.get(uid);
    this.#servers.delete(uid);
    server?.close();
    if (server !== undefined) rmSync(join(this.#options.directory, uid), { recursive: true, force: true });
  }

  /** Directories of pods that left while the agent was away. */
  #removeStale(): void {
    for (const uid of readdirSync(this.#options.directory, { withFileTypes: true })) {
      if (!uid.isDirectory() || this.#servers.has(uid.name)) continue;
      rmSync(join(this.#options.directory, uid.name, 'agent.sock'), { force: true });
      try {
        rmSync(join(this.#options.directory, uid.name), { recursive: false });
      } catch {
        // Mounted or not empty: somebody else's.
      }
    }
  }
}
