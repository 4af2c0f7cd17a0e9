import type { Engine } from '../engine.ts';
import { engineStatus } from '../engine-error.ts';
import { isOfKubernetes, podUidLabel } from './pod-labels.ts';

type Labels = Readonly<Record<string, string>>;

const maxImages = 1_000;
const none: Labels = {};

/**
 * The labels that whoever made a container gave it. The engine mixes those of its image among them, and an image must not
 * be able to say which pod it is of. One call per image, remembered.
 */
export class OwnLabels {
  readonly #engine: Engine;
  readonly #ofImages = new Map<string, Labels>();

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /**
   * `labels` without those that the image has with the same value. Those of Kubernetes are given together: they stay or
   * go with the pod's uid. `image` is an id, or a name where that is all there is.
   */
  async of(labels: Labels, image: string, signal: AbortSignal): Promise<Labels> {
    const inherited = await this.#imageLabels(image, signal);
    const isOwn = (key: string) => inherited[key] !== labels[key];
    const given = Object.entries(labels).filter(([key]) => isOwn(isOfKubernetes(key) ? podUidLabel : key));
    return Object.fromEntries(given);
  }

  async #imageLabels(image: string, signal: AbortSignal): Promise<Labels> {
    const known = this.#ofImages.get(image);
    if (known !== undefined) return known;
    const labels = await this.#ask(image, signal);
    // A name may mean another image tomorrow.
    if (image.startsWith('sha256:')) this.#remember(image, labels);
    return labels;
  }

  async #ask(image: string, signal: AbortSignal): Promise<Labels> {
    try {
      return (await this.#engine.image(image, signal)).Config?.Labels ?? none;
    } catch (error) {
      // Removed by force while containers of it were there: that is up to the node's operator, never to the image.
      if (engineStatus(error) === 404) return none;
      throw error;
    }
  }

  #remember(image: string, labels: Labels): void {
    this.#ofImages.set(image, labels);
    for (const oldest of this.#ofImages.keys()) {
      if (this.#ofImages.size <= maxImages) return;
      this.#ofImages.delete(oldest);
    }
  }
}
