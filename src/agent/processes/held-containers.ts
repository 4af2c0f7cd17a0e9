import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { nodeCgroup } from '../linux/cgroup-path.ts';
import { detectHierarchies } from './cgroup-hierarchies.ts';
import { CgroupWatch, defaultCgroupRoots, type FoundContainer } from './cgroup-watch.ts';
import { ExitWatch } from './exit-watch.ts';
import { type ContainerExit, HeldContainer } from './held-container.ts';
import { HoldPolicy } from './hold-policy.ts';
import { readNodeRoot } from './process-facts.ts';
import { readWaitStatus, settle } from './settle.ts';
import { type MissedContainer, type Node, takeContainer } from './take-container.ts';

export interface HeldContainersOptions {
  /** Where the node's cgroup hierarchies are mounted. Default `/sys/fs/cgroup`. */
  readonly cgroupDirectory?: string;
  /** Below which cgroups containers are; as the node sees them. */
  readonly roots?: readonly string[];
  readonly maxWatches?: number;
  /** How long the files of a container that has ended are kept. Default 10 min. */
  readonly holdAfterExitMs?: number;
  /** Of containers that have ended. Default 32. */
  readonly maxEndedPerPod?: number;
  /** Of containers that have ended. Default 512. */
  readonly maxEnded?: number;
}

/** Each is called from the event loop, in the order of events for one container, and must not throw. */
export interface HeldContainersListener {
  /** Its first process is held. Its root may still be to come: `settled`. */
  appeared(held: HeldContainer): void;
  /** Once per `appeared`, unless stopped before; `held.lastUsage` is set. */
  exited(held: HeldContainer, exit: ContainerExit): void;
  /** A container was there, and nothing else is known of it. */
  missed(container: MissedContainer): void;
  /** What was to be seen may go unseen from now on. */
  trouble(error: Error): void;
}

const firstTakesMs = 5_000;

/** Every container of the node, from its first moment until `holdAfterExitMs` after its end, by descriptors. */
export class HeldContainers {
  readonly #options: HeldContainersOptions;
  readonly #listener: HeldContainersListener;
  readonly #held = new Map<string, HeldContainer>();
  readonly #policy: HoldPolicy;
  /** Earlier attempts that have not been seen to end, when the next one was there. */
  readonly #replaced = new Set<HeldContainer>();
  /** By cgroup path: containers whose first process is being looked for. */
  readonly #taking = new Map<string, AbortController>();
  /** What goes on behind: takes, settling, ends. */
  readonly #pending = new Set<Promise<void>>();

  constructor(options: HeldContainersOptions, listener: HeldContainersListener) {
    this.#options = options;
    this.#listener = listener;
    const { holdAfterExitMs = 600_000, maxEndedPerPod = 32, maxEnded = 512 } = options;
    this.#policy = new HoldPolicy({ holdAfterExitMs, maxEndedPerPod, maxEnded }, (held) => this.#forget(held));
  }

  /**
   * Resolves once the containers that are there are held (or 5 s have passed); goes on until `signal` aborts, then closes
   * everything. To be called once. The answer's `stopped` resolves when all is closed.
   */
  async start(signal: AbortSignal): Promise<{ readonly stopped: Promise<void> }> {
    const node = this.#node();
    const exits = new ExitWatch((error) => this.#listener.trouble(error));
    const { maxWatches = 4096, roots = defaultCgroupRoots } = this.#options;
    const prefix = node.cgroup === '/' ? '' : node.cgroup;
    const watch = new CgroupWatch(
      {
        mountPoint: node.hierarchies.watched.mountPoint,
        roots: roots.map((root) => `${prefix}${root}`),
        nodeCgroup: node.cgroup,
        maxWatches,
      },
      {
        appeared: (found) => this.#take(found, node, exits, signal),
        gone: (found) => this.#taking.get(found.cgroupPath)?.abort(),
        trouble: (error) => this.#listener.trouble(error),
      },
    );
    const stopped = untilAborted(signal).then(() => this.#stop(watch, exits));
    watch.start();
    const first = Promise.all(this.#pending);
    await Promise.race([first, stopped, sleep(firstTakesMs, undefined, { ref: false })]);
    return { stopped };
  }

  /** The newest attempt of a container; undefined: never seen, missed, or released. */
  get(containerId: string): HeldContainer | undefined {
    return this.#held.get(containerId);
  }

  all(): HeldContainer[] {
    return [...this.#held.values()];
  }

  /** `unknown`: not held. `gone`: its first process has ended. */
  signal(containerId: string, number: number): 'sent' | 'gone' | 'unknown' {
    return this.#held.get(containerId)?.signal(number) ?? 'unknown';
  }

  /** Lets the files of a container that has ended go before their time. One that runs stays held. */
  release(containerId: string): void {
    const held = this.#held.get(containerId);
    if (held?.exit) this.#forget(held);
  }

  #node(): Node {
    const { cgroupDirectory = '/sys/fs/cgroup' } = this.#options;
    const hierarchies = detectHierarchies(readFileSync('/proc/self/mountinfo', 'utf8'), cgroupDirectory);
    if (!hierarchies) throw new Error(`no cgroup hierarchy that holds containers is mounted at ${cgroupDirectory}`);
    return { hierarchies, root: readNodeRoot(), cgroup: nodeCgroup(readFileSync('/proc/1/cgroup', 'utf8')) };
  }

  #take(found: FoundContainer, node: Node, exits: ExitWatch, stop: AbortSignal): void {
    const gone = new AbortController();
    this.#taking.set(found.cgroupPath, gone);
    const taking = takeContainer(found, node, AbortSignal.any([stop, gone.signal])).then((taken) => {
      if (this.#taking.get(found.cgroupPath) === gone) this.#taking.delete(found.cgroupPath);
      if (taken instanceof HeldContainer) this.#hold(taken, exits, stop);
      else if (!stop.aborted) {
        this.#listener.missed(taken ?? { ...found, reason: 'NO_PROCESS_SEEN', missedAt: new Date() });
      }
    });
    this.#follow(taking);
  }

  #hold(held: HeldContainer, exits: ExitWatch, stop: AbortSignal): void {
    if (stop.aborted) {
      held.release();
      return;
    }
    const before = this.#held.get(held.containerId);
    this.#held.set(held.containerId, held);
    // Started again under the same id.
    if (before?.exit) this.#policy.drop(before);
    else if (before) this.#replaced.add(before);
    exits.watch(held.pidfd, (told) => this.#follow(this.#exited(held, told, stop)), held.initPid);
    held.refresh();
    this.#listener.appeared(held);
    this.#follow(settle(held, stop));
  }

  async #exited(held: HeldContainer, told: number | undefined, stop: AbortSignal): Promise<void> {
    const exitedAt = new Date();
    const retained = held.retain();
    if (!retained) return;
    try {
      // At once: the runtime removes the cgroup, and the parent reaps.
      held.recordUsage();
      held.refresh();
      const waitStatus = told ?? (await readWaitStatus(held.pidfd, stop));
      if (stop.aborted) return;
      const exit = { exitedAt, ...(waitStatus !== undefined && { waitStatus }) };
      held.recordExit(exit);
      if (this.#held.get(held.containerId) === held) this.#policy.ended(held);
      else this.#dropReplaced(held);
      this.#listener.exited(held, exit);
    } finally {
      retained();
    }
  }

  #forget(held: HeldContainer): void {
    this.#policy.drop(held);
    if (this.#held.get(held.containerId) === held) this.#held.delete(held.containerId);
  }

  async #stop(watch: CgroupWatch, exits: ExitWatch): Promise<void> {
    watch.close();
    // Its watches go before the descriptors that they are on.
    await exits.close();
    await Promise.all(this.#pending);
    this.#policy.clear();
    const all = [...this.#held.values(), ...this.#replaced];
    for (const held of all) held.release();
    await Promise.all(all.map((held) => held.closing));
    this.#held.clear();
    this.#replaced.clear();
  }

  #dropReplaced(held: HeldContainer): void {
    this.#replaced.delete(held);
    held.release();
  }

  #follow(work: Promise<void>): void {
    const followed = work
      .catch((error: unknown) => this.#listener.trouble(error instanceof Error ? error : new Error(String(error))))
      .finally(() => this.#pending.delete(followed));
    this.#pending.add(followed);
  }
}

function untilAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
