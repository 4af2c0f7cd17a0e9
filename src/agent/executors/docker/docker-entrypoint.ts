import type { Container } from '../../pods/model.ts';
import type { EntrypointRole, ImageConfig } from '../roles.ts';
import type { Engine } from './engine.ts';
import { type StatusMeaning, translateEngineError } from './engine-error.ts';

const meaning: StatusMeaning = {
  404: ['IMAGE_NOT_FOUND', "the container's image is not in the engine's image store any more"],
};

/** What an image runs by itself, from the engine's image store, by the id of the image that the container was made of. */
export class DockerEntrypoint implements EntrypointRole {
  readonly #engine: Engine;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  async image(container: Container, signal: AbortSignal): Promise<ImageConfig> {
    try {
      const { Id, Config } = await this.#engine.image(container.imageId, signal);
      return {
        image: container.image,
        imageId: Id,
        entrypoint: list(Config.Entrypoint),
        cmd: list(Config.Cmd),
        workingDir: Config.WorkingDir ?? '',
        user: Config.User ?? '',
      };
    } catch (error) {
      signal.throwIfAborted();
      throw translateEngineError(error, meaning);
    }
  }
}

function list(value: string | readonly string[] | null | undefined): string[] {
  return typeof value === 'string' ? [value] : [...(value ?? [])];
}
