import type { Container } from '../../pods/model.ts';
import type { SignalRole } from '../roles.ts';
import type { Engine } from './engine.ts';
import { engineStatus, translateEngineError } from './engine-error.ts';

/** Signals by the engine, to the container's first process. */
export class DockerSignal implements SignalRole {
  readonly #engine: Engine;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  async send(container: Container, number: number, signal: AbortSignal): Promise<'sent' | 'gone'> {
    try {
      await this.#engine.kill(container.id, number, signal);
      return 'sent';
    } catch (error) {
      const status = engineStatus(error);
      // Removed, or not running.
      if (status === 404 || status === 409) return 'gone';
      signal.throwIfAborted();
      throw translateEngineError(error);
    }
  }
}
