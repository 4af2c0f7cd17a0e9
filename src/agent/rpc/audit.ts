import type { Logger } from 'pino';
import type { CallAudit, Caller } from '../connection/caller.ts';
import type { Pod } from '../pods/model.ts';

/** What a request asks for, in the words of the audit log. */
export interface AuditSubject {
  readonly action: 'kill' | 'read' | 'collect' | 'save';
  /** Names as the caller gave them: one line each. */
  readonly containers: readonly string[];
  readonly facts: Readonly<Record<string, unknown>>;
}

/** How the call ended, as its own log line says it. */
export interface AuditedEnd {
  readonly rpc: string;
  readonly pod: Pod | undefined;
  readonly caller: Caller | undefined;
  readonly bytes: unknown;
  readonly code: number;
  readonly reason: string;
  readonly ms: number;
  readonly traceId: string | undefined;
}

/** A call names as many containers as its caller likes; a pod has not nearly as many. */
const maxLines = 64;
const maxNameLength = 253;

/**
 * The audit log: for every call that stops a container or reads its files one line per container, whatever came of it.
 * docs/audit.md has the fields. Its level is its own: `log.level` does not silence it.
 */
export class AuditLog {
  readonly #log: Logger;
  readonly #nameOf: (podUid: string, containerId: string) => string | undefined;

  constructor(log: Logger, nameOf: (podUid: string, containerId: string) => string | undefined) {
    this.#log = log.child({ audit: true }, { level: 'info' });
    this.#nameOf = nameOf;
  }

  /** Begins the account of one call. */
  begin(): AuditedCall {
    return new AuditedCall();
  }

  /** Writes the lines of a call that has ended. */
  ended(subject: AuditSubject, call: AuditedCall, end: AuditedEnd): void {
    const { rpc, pod, caller, code, reason, ms, bytes, traceId } = end;
    const common = {
      action: subject.action,
      rpc,
      pod: pod && `${pod.namespace}/${pod.name}`,
      podUid: pod?.uid,
      peer: this.#peer(caller),
    };
    const names = [...new Set(subject.containers)].slice(0, maxLines);
    for (const name of names.length === 0 ? [''] : names) {
      const container = name.slice(0, maxNameLength);
      const outcome = { outcome: reason, code, bytes, ms, traceId };
      this.#log.info({ ...common, container, ...subject.facts, ...outcome, ...call.notes(name) }, 'audit');
    }
  }

  #peer(caller: Caller | undefined): object | undefined {
    if (caller === undefined) return undefined;
    if (caller.kind === 'admin') return { kind: 'admin', pid: caller.pid };
    const { pid, containerId } = caller.process ?? {};
    const container = containerId === undefined ? undefined : this.#nameOf(caller.podUid, containerId);
    return { kind: 'pod', pid, container, containerId };
  }
}

/** What one call tells of each container. */
export class AuditedCall implements CallAudit {
  readonly #notes = new Map<string, Record<string, unknown>>();

  note(container: string, facts: Readonly<Record<string, unknown>>): void {
    this.#notes.set(container, { ...this.#notes.get(container), ...facts });
  }

  notes(container: string): Readonly<Record<string, unknown>> | undefined {
    return this.#notes.get(container);
  }
}
