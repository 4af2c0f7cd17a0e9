import type { Logger } from 'pino';
import type { CallAudit, Caller } from '../connection/caller.ts';
import type { Pod } from '../pods/model.ts';
import { IdleCalls } from './idle-calls.ts';

/** What a request asks for, in the words of the audit log. */
export interface AuditSubject {
  readonly action: 'kill' | 'read' | 'collect' | 'save';
  /** Names as the caller gave them. */
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

/** A call names as many containers as its caller likes; of those to which nothing was done its one line has the first. */
const maxNames = 16;
const maxNameLength = 253;

/**
 * The audit log, of calls that stop containers or read their files: a line for every container to which something was
 * done, always; for all the others that a call names one, and of such lines so many as `IdleCalls` lets through.
 * docs/audit.md has the fields. Its level is its own: `log.level` does not silence it.
 */
export class AuditLog {
  readonly #log: Logger;
  readonly #nameOf: (podUid: string, containerId: string) => string | undefined;
  readonly #idle = new IdleCalls((caller, leftOut) => {
    const podUid = caller?.kind === 'pod' ? caller.podUid : undefined;
    this.#log.info({ podUid, peer: caller && { kind: caller.kind }, leftOut }, 'audit');
  });

  constructor(log: Logger, nameOf: (podUid: string, containerId: string) => string | undefined) {
    this.#log = log.child({ audit: true }, { level: 'info' });
    this.#nameOf = nameOf;
  }

  /** Begins the account of one call. */
  begin(): AuditedCall {
    return new AuditedCall();
  }

  /** Writes the lines of a call that has ended. `asked` is called only where there are any. */
  ended(asked: () => AuditSubject, call: AuditedCall, end: AuditedEnd): void {
    const { rpc, pod, caller, code, reason, ms, bytes, traceId } = end;
    if (call.didNothing && !this.#idle.hasLine(caller)) return;
    const subject = asked();
    const common = {
      action: subject.action,
      rpc,
      pod: pod && `${pod.namespace}/${pod.name}`,
      podUid: pod?.uid ?? (caller?.kind === 'pod' ? caller.podUid : undefined),
      peer: this.#peer(caller),
    };
    const outcome = { outcome: reason, code, bytes, ms, traceId };
    const write = (container: string, facts: object | undefined) =>
      this.#log.info({ ...common, container: cut(container), ...subject.facts, ...outcome, ...facts }, 'audit');
    const names = [...new Set(subject.containers)];
    for (const name of names) if (call.did(name)) write(name, call.notes(name));
    const others = names.filter((name) => !call.did(name));
    if (!call.didNothing && (others.length === 0 || !this.#idle.hasLine(caller))) return;
    const [first = ''] = others;
    // Of several each may have an outcome of its own; the line has the call's.
    const several = { containers: others.slice(0, maxNames).map(cut), named: others.length };
    write(first, others.length > 1 ? several : call.notes(first));
  }

  /** Tells of the lines that were left out and not told of yet. */
  close(): void {
    this.#idle.close();
  }

  #peer(caller: Caller | undefined): object | undefined {
    if (caller === undefined) return undefined;
    if (caller.kind === 'admin') return { kind: 'admin', pid: caller.pid };
    const { pid, containerId } = caller.process ?? {};
    const container = containerId === undefined ? undefined : this.#nameOf(caller.podUid, containerId);
    return { kind: 'pod', pid, container, containerId };
  }
}

function cut(name: string): string {
  return name.slice(0, maxNameLength);
}

/** What one call tells of each container. */
export class AuditedCall implements CallAudit {
  readonly #notes = new Map<string, Record<string, unknown>>();
  readonly #begun = new Map<string, number>();

  note(container: string, facts: Readonly<Record<string, unknown>>): void {
    this.#notes.set(container, { ...this.#notes.get(container), ...facts });
  }

  notes(container: string): Readonly<Record<string, unknown>> | undefined {
    return this.#notes.get(container);
  }

  begun(container: string): () => void {
    this.#count(container, 1);
    return () => this.#count(container, -1);
  }

  /** Whether something was done to a container, or may have been. */
  did(container: string): boolean {
    return this.#begun.has(container);
  }

  get didNothing(): boolean {
    return this.#begun.size === 0;
  }

  #count(container: string, change: 1 | -1): void {
    const count = (this.#begun.get(container) ?? 0) + change;
    if (count > 0) this.#begun.set(container, count);
    else this.#begun.delete(container);
  }
}
