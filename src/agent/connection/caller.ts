import type { Pod } from '../pods/model.ts';

/** Who is calling, decided when the connection was accepted. Handlers receive it; they cannot forget to ask. */
export type Caller = PodCaller | AdminCaller;

/** Somebody in the pod whose socket was called. */
export interface PodCaller {
  readonly kind: 'pod';
  readonly podUid: string;
  /** Absent where the agent is set to know callers by their socket alone (`callers.witness: none`). */
  readonly process?: CallerProcess;
}

/** The process that opened the connection. */
export interface CallerProcess {
  /** As the node numbers it; means that process only while `pidfd` is alive. */
  readonly pid: number;
  /** Runtime id of its container, where its cgroup names one. */
  readonly containerId: string | undefined;
  readonly pidfd: number;
  /** Throws CALLER_UNKNOWN once the process is gone or has moved to another cgroup. */
  verify(): void;
  /** The same, unless it was found so within the last millisecond: a burst of calls is verified together. */
  verifyLately(): void;
  /** Closes what is held of it; once, with its connection. */
  release(): void;
}

/** Root of the node, on the admin socket; each call names its pod in the metadata. */
export interface AdminCaller {
  readonly kind: 'admin';
  readonly pid: number;
}

/** One call's view of the world, passed to every service function. */
export interface CallContext {
  readonly pod: Pod;
  readonly caller: Caller;
  /** Fires at the deadline, when the caller goes away or cancels, when the agent stops, and at completion. */
  readonly signal: AbortSignal;
  /** Facts for the one log line of this call. */
  readonly facts: Record<string, string | number>;
  /** Absent where no audit log is kept of this call. */
  readonly audit?: CallAudit | undefined;
}

/** What the audit log is told beyond the request. */
export interface CallAudit {
  /** Facts of one container of the call; a later one takes the place of an earlier one of the same name. */
  note(container: string, facts: Readonly<Record<string, unknown>>): void;
  /**
   * Something is done to that container: from now on its line cannot be left out. Answers what takes this back, once,
   * where it was refused after all.
   */
  begun(container: string): () => void;
}
