import { PodhandError } from '../../wire/errors.ts';
import type { HealthHandlers } from '../../wire/generated/grpc/health/v1/Health.ts';
import type { RpcAdapter } from '../rpc/adapter.ts';

/** What health is asked of: the agent as a whole, and its service, which are one. */
const services: readonly string[] = ['', 'podhand.v1.ExecutorService'];

type Status = 'SERVING' | 'NOT_SERVING' | 'SERVICE_UNKNOWN';

/** Whether the agent serves. */
export class Serving {
  readonly #watchers = new Set<() => void>();
  #phase: 'starting' | 'serving' | 'stopping' = 'starting';

  get status(): Status {
    return this.#phase === 'serving' ? 'SERVING' : 'NOT_SERVING';
  }

  set(phase: 'serving' | 'stopping'): void {
    this.#phase = phase;
    for (const wake of this.#watchers) wake();
  }

  /** What it is, then whatever it changes to, until the signal aborts or the agent stops: then AGENT_STOPPING. */
  async *watch(known: boolean, signal: AbortSignal): AsyncGenerator<{ readonly status: Status }> {
    let wake = (): void => undefined;
    const woken = () => wake();
    this.#watchers.add(woken);
    signal.addEventListener('abort', woken, { once: true });
    try {
      let told: Status | undefined;
      for (;;) {
        signal.throwIfAborted();
        const status = known ? this.status : 'SERVICE_UNKNOWN';
        if (status === told) {
          if (this.#phase === 'stopping') throw new PodhandError('AGENT_STOPPING', 'the agent is stopping; call again');
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        } else {
          told = status;
          yield { status };
        }
      }
    } finally {
      this.#watchers.delete(woken);
    }
  }
}

/** The standard health service. A name that it does not know is kept nowhere, and never becomes known. */
export function healthService(rpc: RpcAdapter, serving: Serving): HealthHandlers {
  return {
    Check: rpc.unaryOfAgent('Health.Check', (_, { service }) => {
      if (services.includes(service)) return { status: serving.status };
      throw new PodhandError('SERVICE_NOT_FOUND', 'no health of this service; the empty name is the agent as a whole');
    }),
    List: rpc.unaryOfAgent('Health.List', () => ({
      statuses: Object.fromEntries(services.map((service) => [service, { status: serving.status }])),
    })),
    Watch: rpc.streamOfAgent('Health.Watch', ({ signal }, { service }) =>
      serving.watch(services.includes(service), signal),
    ),
  };
}
