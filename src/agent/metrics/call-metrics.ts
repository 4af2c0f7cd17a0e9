import { Counter, Histogram, type Registry } from 'prom-client';
import { type Reason, reasons } from '../../wire/errors.ts';
import { gauge } from './gauges.ts';

/** What the RPC layer counts. */
export class CallMetrics {
  readonly #calls: Counter<'rpc' | 'code' | 'reason'>;
  readonly #seconds: Histogram<'rpc'>;
  readonly #bytes: Counter;

  constructor(registry: Registry, open: { streams(): number; connections(): number; waits(): number }) {
    const registers = [registry];
    this.#calls = new Counter({
      name: 'podhand_calls_total',
      help: 'Calls that ended, by RPC, gRPC code and reason.',
      labelNames: ['rpc', 'code', 'reason'],
      registers,
    });
    this.#seconds = new Histogram({
      name: 'podhand_call_seconds',
      help: 'Time from a call to its end.',
      labelNames: ['rpc'],
      buckets: [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10, 60, 600],
      registers,
    });
    this.#bytes = new Counter({ name: 'podhand_sent_bytes_total', help: 'Bytes of logs and files sent.', registers });
    gauge(registry, 'podhand_open_streams', 'Streaming calls that are open.', open.streams);
    gauge(registry, 'podhand_connections', 'Connections that are open.', open.connections);
    gauge(registry, 'podhand_waits', 'Wait calls that are open.', open.waits);
  }

  /**
   * Shows that calls of the RPC have not failed so yet: of a count that begins with 1 an alert on its increase would miss
   * the first.
   */
  offered(rpc: string, failures: readonly Reason[]): void {
    for (const reason of failures) this.#calls.inc({ rpc, code: reasons[reason], reason }, 0);
  }

  called(rpc: string, reason: string, code: number, ms: number): void {
    this.#calls.inc({ rpc, code, reason });
    this.#seconds.observe({ rpc }, ms / 1000);
  }

  /** Counts the bytes of a message that carries some: `chunk` of files, `chunk.data` of logs. Answers how many. */
  sent(message: unknown): number {
    const { chunk } = message as { chunk?: Buffer | { data?: Buffer } | null };
    const data = Buffer.isBuffer(chunk) ? chunk : chunk?.data;
    if (!Buffer.isBuffer(data)) return 0;
    this.#bytes.inc(data.length);
    return data.length;
  }
}
