import { close, closeSync } from 'node:fs';
import { promisify } from 'node:util';
import { PodhandError } from '../../wire/errors.ts';
import type { FileCredentials } from '../linux/credentials.ts';
import { pidfdExited, pidfdReaped, pidfdSendSignal } from '../linux/pidfd-calls.ts';
import { hasErrno } from '../linux/syscalls.ts';
import type { Usage } from '../pods/model.ts';
import type { CgroupPaths } from './cgroup-hierarchies.ts';
import type { FoundContainer } from './cgroup-watch.ts';
import {
  isToldFrom,
  type NodeRoot,
  type OwnRoot,
  openOwnRoot,
  readCredentials,
  readMountInfo,
  sharesUserNamespace,
} from './process-facts.ts';
import { readUsage } from './usage.ts';

const closeAside = promisify(close);

/** How a container's first process ended. */
export interface ContainerExit {
  /** When its end was seen. */
  readonly exitedAt: Date;
  /** As waitpid(2) has it; absent where the kernel does not tell it: see `readWaitStatus`. */
  readonly waitStatus?: number;
}

/**
 * One attempt of a container, held by descriptors: its first process, its root and its mounts. None of them can pass to
 * another process or container, and the files stay readable after the end.
 */
export class HeldContainer {
  readonly containerId: string;
  readonly podUid: string | undefined;
  readonly cgroupPath: string;
  readonly cgroupPaths: CgroupPaths;
  /** As this node numbers it; for reading only while `pidfd` says that it is alive. */
  readonly initPid: number;
  readonly pidfd: number;
  readonly startedAt: Date;
  readonly #node: NodeRoot;
  #root: OwnRoot | undefined;
  #credentials: FileCredentials | undefined;
  #sharesUserNamespace = false;
  readonly #settled = Promise.withResolvers<void>();
  #mountInfo = '';
  #lastUsage: Usage | undefined;
  #exit: ContainerExit | undefined;
  #users = 0;
  #released = false;
  #closed = false;
  #closing: Promise<void> | undefined;

  /** Takes over `pidfd`. */
  constructor(
    found: FoundContainer,
    process: { readonly pid: number; readonly pidfd: number; readonly startedAt: Date },
    cgroupPaths: CgroupPaths,
    node: NodeRoot,
  ) {
    this.containerId = found.containerId;
    this.podUid = found.podUid;
    this.cgroupPath = found.cgroupPath;
    this.cgroupPaths = cgroupPaths;
    this.initPid = process.pid;
    this.pidfd = process.pidfd;
    this.startedAt = process.startedAt;
    this.#node = node;
  }

  /**
   * O_PATH descriptor of its root. Absent: the process is not in its own root yet, or it ended before it was seen there;
   * in that case the files are missed for good. Use it between `retain` and what that answers.
   */
  get rootFd(): number | undefined {
    return this.#closed ? undefined : this.#root?.rootFd;
  }

  /**
   * With whose rights it opens files, as last read; there when `rootFd` is, see `refresh`. Without capabilities where it has a user namespace of
   * its own: they are good for nothing outside of that.
   */
  get credentials(): FileCredentials | undefined {
    if (!this.#credentials || this.#sharesUserNamespace) return this.#credentials;
    return { ...this.#credentials, capabilities: 0n };
  }

  /** Text of its mountinfo, as last told from the root that is held. */
  get mountInfo(): string {
    return this.#mountInfo;
  }

  /** Of the moment it ended; absent while it runs. */
  get lastUsage(): Usage | undefined {
    return this.#lastUsage;
  }

  /** Absent while it runs, and for some milliseconds after. */
  get exit(): ContainerExit | undefined {
    return this.#exit;
  }

  /** Whether its first process has ended, by asking the kernel. */
  get ended(): boolean {
    return this.#closed || this.#exit !== undefined || pidfdExited(this.pidfd);
  }

  /** What it uses now, or used when it ended. */
  usage(): Usage {
    return this.#lastUsage ?? readUsage(this.cgroupPaths);
  }

  /** Resolves when `rootFd` is there, or can never be. */
  get settled(): Promise<void> {
    return this.#settled.promise;
  }

  /**
   * Takes the root as soon as there is one, and reads credentials and mounts again: a runtime sets them late, and the
   * container's program may change its own. Called before files are opened. After the end it changes nothing any more.
   */
  refresh(): void {
    if (this.#closed) return;
    const root = this.#root ?? openOwnRoot(this.initPid, this.#node);
    const credentials = readCredentials(this.initPid);
    const sharesNamespace = sharesUserNamespace(this.initPid);
    const mountInfo = readMountInfo(this.initPid);
    // Asked last: until it is reaped its pid is its own, so what was read above is of this process.
    if (pidfdReaped(this.pidfd)) {
      if (root !== this.#root) void closeRoot(root);
      return;
    }
    // Before that they are the runtime's own.
    if (!root) return;
    if (root !== this.#root) this.#mountInfo = root.mountInfo;
    this.#root = root;
    this.#sharesUserNamespace = sharesNamespace ?? this.#sharesUserNamespace;
    this.#credentials = credentials ?? this.#credentials;
    // Asked at each end of a container, too, where it is mostly what it was.
    const isNew = mountInfo !== undefined && mountInfo !== this.#mountInfo;
    if (isNew && isToldFrom(root.rootFd, mountInfo)) this.#mountInfo = mountInfo;
    this.#settled.resolve();
  }

  /** Sends a signal to its first process, and to no other. `gone`: it has ended. */
  signal(number: number): 'sent' | 'gone' {
    if (this.ended) return 'gone';
    try {
      pidfdSendSignal(this.pidfd, number);
      return 'sent';
    } catch (error) {
      if (hasErrno(error, 'ESRCH')) return 'gone';
      if (!hasErrno(error, 'EPERM')) throw error;
      const message = 'the agent lacks CAP_KILL, without which it signals no process of another user';
      throw new PodhandError('AGENT_LACKS_RIGHT', message, { cause: error });
    }
  }

  /**
   * Keeps the descriptors open until the answer is called (once or more often), whoever releases the container
   * meanwhile. Undefined: they are closed already.
   */
  retain(): (() => void) | undefined {
    if (this.#closed) return undefined;
    this.#users += 1;
    let retained = true;
    return () => {
      if (!retained) return;
      retained = false;
      this.#users -= 1;
      this.#closeIfUnused();
    };
  }

  /** Reads what the kernel will have forgotten soon. */
  recordUsage(): void {
    this.#lastUsage = readUsage(this.cgroupPaths);
  }

  recordExit(exit: ContainerExit): void {
    this.#exit = exit;
    this.#settled.resolve();
  }

  /** Closes the descriptors, as soon as nobody retains them. `closing` tells when that is done. */
  release(): void {
    this.#released = true;
    this.#closeIfUnused();
  }

  /** Absent while somebody retains it. */
  get closing(): Promise<void> | undefined {
    return this.#closing;
  }

  #closeIfUnused(): void {
    if (this.#closed || !this.#released || this.#users > 0) return;
    this.#closed = true;
    this.#settled.resolve();
    closeSync(this.pidfd);
    this.#closing = closeRoot(this.#root);
  }
}

/**
 * Not in the event loop: the last descriptor of a mount namespace unmounts what is in it, and an overlay writes all that
 * its container has left unwritten before it goes (180 ms and more were seen).
 */
async function closeRoot(root: OwnRoot | undefined): Promise<void> {
  if (!root) return;
  // Whatever the file system says then, the descriptors are gone.
  await Promise.allSettled([closeAside(root.rootFd), closeAside(root.mountNamespaceFd)]);
}
