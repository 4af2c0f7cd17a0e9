import { Counter, type Registry } from 'prom-client';
import { gauge } from './gauges.ts';

/** What is counted of the final records. */
export class RecordMetrics {
  readonly #written: Counter;
  readonly #refused: Counter;

  constructor(registry: Registry, unwritten: () => number) {
    const registers = [registry];
    this.#written = new Counter({ name: 'podhand_records_written_total', help: 'Final records written.', registers });
    this.#refused = new Counter({
      name: 'podhand_record_write_errors_total',
      help: 'Writes of a final record that the disk refused, repeated ones included.',
      registers,
    });
    gauge(registry, 'podhand_records_unwritten', 'Final records in memory that the disk has refused.', unwritten);
  }

  written(): void {
    this.#written.inc();
  }

  refused(): void {
    this.#refused.inc();
  }
}
