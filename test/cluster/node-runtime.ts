import type { TestImage } from '../node/images.ts';

export interface RuntimeEnding {
  /** Whether containers run on meanwhile. With containerd they do in any case; with dockerd, not unless this is said. */
  readonly keepContainers?: boolean;
}

/** What a node runs its containers with. */
export interface NodeRuntime {
  /** Where it answers, seen from outside the node's namespace. */
  readonly socketPath: string;
  /** Flags of the kubelet that drives it. */
  readonly kubeletFlags: readonly string[];
  /** Starts it where it does not run, and waits until it answers. */
  start(): Promise<void>;
  /** Ends it in good order. */
  stop(options?: RuntimeEnding): Promise<void>;
  /** Ends it by SIGKILL. */
  kill(options?: RuntimeEnding): Promise<void>;
  /** The pid while it runs. */
  pid(): Promise<number | undefined>;
  loadImage(image: TestImage): Promise<void>;
  /** Takes the images of an archive that `docker save` has written. */
  importImages(archive: NodeJS.ReadableStream): Promise<void>;
}

export const pauseImage = 'podhand-test/pause:latest' satisfies TestImage;
