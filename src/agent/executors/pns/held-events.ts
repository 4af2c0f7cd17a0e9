import type { Logger } from 'pino';
import type { ContainerExit, HeldContainer } from '../../processes/held-container.ts';
import type { HeldContainersListener } from '../../processes/held-containers.ts';
import type { MissedContainer } from '../../processes/take-container.ts';

/** Ids of containers that were missed, kept for when their name comes: the oldest go first. */
const maxMissed = 1024;

/** What the held containers tell, handed on to whoever wants it from whenever on; what was missed is remembered. */
export class HeldEvents implements HeldContainersListener {
  readonly #log: Logger;
  readonly #missed = new Map<string, MissedContainer>();
  readonly #listeners = new Set<(containerId: string) => void>();

  constructor(log: Logger) {
    this.#log = log;
  }

  /** Calls `listener` after each change of a container, until `signal` aborts. */
  subscribe(listener: (containerId: string) => void, signal: AbortSignal): void {
    if (signal.aborted) return;
    this.#listeners.add(listener);
    signal.addEventListener('abort', () => this.#listeners.delete(listener), { once: true });
  }

  /** The container that was there and could not be held; undefined where it was held, or never seen. */
  missedContainer(containerId: string): MissedContainer | undefined {
    return this.#missed.get(containerId);
  }

  appeared(held: HeldContainer): void {
    this.#missed.delete(held.containerId);
    this.#tell(held.containerId);
  }

  exited(held: HeldContainer, _exit: ContainerExit): void {
    this.#tell(held.containerId);
  }

  missed(container: MissedContainer): void {
    this.#log.warn({ containerId: container.containerId, reason: container.reason }, 'container missed');
    this.#missed.delete(container.containerId);
    this.#missed.set(container.containerId, container);
    for (const id of this.#missed.keys()) {
      if (this.#missed.size <= maxMissed) break;
      this.#missed.delete(id);
    }
    this.#tell(container.containerId);
  }

  trouble(error: Error): void {
    this.#log.error({ err: error }, 'containers may go unseen');
  }

  #tell(containerId: string): void {
    for (const listener of [...this.#listeners]) listener(containerId);
  }
}
