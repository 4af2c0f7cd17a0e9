import { Counter, type Registry } from 'prom-client';
import { gauge } from './gauges.ts';

const eventResults = ['created', 'refused', 'overflow'] as const;
/** What became of the Event of a final record. */
export type EventResult = (typeof eventResults)[number];

/** What is counted of the final records. */
export class RecordMetrics {
  readonly #written: Counter;
  readonly #refused: Counter;
  readonly #events: Counter;
  readonly #damaged: Counter;

  constructor(registry: Registry, now: { unwritten(): number; isReadable(): boolean }) {
    const registers = [registry];
    this.#written = new Counter({ name: 'podhand_records_written_total', help: 'Final records written.', registers });
    this.#refused = new Counter({
      name: 'podhand_record_write_errors_total',
      help: 'Writes of a final record that the disk refused, repeated ones included.',
      registers,
    });
    this.#events = new Counter({
      name: 'podhand_record_events_total',
      help: 'Events of final records: created, or lost because the API server refused them or too many waited.',
      labelNames: ['result'],
      registers,
    });
    for (const result of eventResults) this.#events.inc({ result }, 0);
    this.#damaged = new Counter({
      name: 'podhand_records_damaged_total',
      help: 'Files among the final records that are none.',
      registers,
    });
    gauge(
      registry,
      'podhand_records_unwritten',
      'Final records that the disk has refused, or has not taken for half a minute.',
      now.unwritten,
    );
    gauge(registry, 'podhand_records_readable', '1 while the place of the final records can be read.', () =>
      now.isReadable() ? 1 : 0,
    );
  }

  written(): void {
    this.#written.inc();
  }

  refused(): void {
    this.#refused.inc();
  }

  event(result: EventResult): void {
    this.#events.inc({ result });
  }

  damaged(): void {
    this.#damaged.inc();
  }
}
