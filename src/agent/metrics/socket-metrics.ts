import { Counter, Gauge, type Registry } from 'prom-client';

/** What is counted of the pods' sockets; `place` is emptyDir or hostPath. */
export class SocketMetrics {
  readonly #made: Counter<'place'>;
  readonly #lost: Counter<'place'>;
  readonly #obstructed: Counter<'place' | 'obstacle'>;
  #standing: () => number = () => 0;

  constructor(registry: Registry) {
    const registers = [registry];
    const standing = () => this.#standing();
    new Gauge({
      name: 'podhand_sockets',
      help: 'Pods’ sockets that are there.',
      registers,
      collect() {
        this.set(standing());
      },
    });
    this.#made = new Counter({
      name: 'podhand_sockets_made_total',
      help: 'Sockets made, those that came back included.',
      labelNames: ['place'],
      registers,
    });
    this.#lost = new Counter({
      name: 'podhand_sockets_lost_total',
      help: 'Sockets that somebody else removed, renamed or replaced.',
      labelNames: ['place'],
      registers,
    });
    this.#obstructed = new Counter({
      name: 'podhand_socket_obstructions_total',
      help: 'Attempts at a socket that failed, by what was in the way: a kind of file, or an errno.',
      labelNames: ['place', 'obstacle'],
      registers,
    });
  }

  /** Where the number of sockets is to be asked. */
  standing(read: () => number): void {
    this.#standing = read;
  }

  made(place: string): void {
    this.#made.inc({ place });
  }

  lost(place: string): void {
    this.#lost.inc({ place });
  }

  obstructed(place: string, obstacle: string): void {
    this.#obstructed.inc({ place, obstacle });
  }
}
