import type { DirectoryWatch } from './directory-watch.ts';
import { Interrupted, type SignalRouting } from './signal-routing.ts';
import { isDeadly } from './signals.ts';
import type { Events } from './system.ts';

/** Waits while no command runs. A signal that would end a process ends the wait: Interrupted. */
export class Waiting {
  readonly #watch: DirectoryWatch;
  readonly #signals: SignalRouting;
  readonly #events: Events;

  constructor(watch: DirectoryWatch, signals: SignalRouting, events: Events) {
    this.#watch = watch;
    this.#signals = signals;
    this.#events = events;
  }

  /** Until `look` gives something: asked now, and whenever a watched directory changes. What it throws ends the wait. */
  until<T>(look: () => T | undefined): Promise<T> {
    return this.#interruptible((settle) => this.#ask(look, settle));
  }

  /** The same for no longer than that; undefined where it gave nothing. */
  within<T>(ms: number, look: () => T | undefined): Promise<T | undefined> {
    return this.#interruptible<T | undefined>((settle) => {
      const stop = this.#ask(look, settle);
      const cancel = this.#events.after(ms, () => settle(() => undefined));
      return () => {
        stop();
        cancel();
      };
    });
  }

  #ask<T>(look: () => T | undefined, settle: (result: () => T) => void): () => void {
    const ask = () => {
      try {
        const found = look();
        if (found !== undefined) settle(() => found);
      } catch (error) {
        settle(() => {
          throw error;
        });
      }
    };
    const stop = this.#watch.onChange(ask);
    ask();
    return stop;
  }

  delay(ms: number): Promise<void> {
    return this.#interruptible((settle) => this.#events.after(ms, () => settle(() => undefined)));
  }

  #interruptible<T>(begin: (settle: (result: () => T) => void) => () => void): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      let stop: (() => void) | undefined;
      let settled = false;
      const settle = (result: () => T) => {
        if (settled) return;
        settled = true;
        stop?.();
        this.#signals.hold();
        try {
          resolve(result());
        } catch (error) {
          reject(error);
        }
      };
      stop = begin(settle);
      if (settled) {
        stop();
        return;
      }
      this.#signals.to((signal) => {
        if (!isDeadly(signal)) return;
        settle(() => {
          throw new Interrupted(signal);
        });
      });
    });
  }
}
