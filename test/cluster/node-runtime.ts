import type { TestImage } from '../node/images.ts';

/** What a node runs its containers with. */
export interface NodeRuntime {
  /** Where it answers, seen from outside the node's namespace. */
  readonly socketPath: string;
  /** Flags of the kubelet that drives it. */
  readonly kubeletFlags: readonly string[];
  /** Starts it where it does not run, and waits until it answers. */
  start(): Promise<void>;
  /** Ends it in good order. What happens to containers is the runtime's own way. */
  stop(): Promise<void>;
  /** Ends it by SIGKILL. */
  kill(): Promise<void>;
  /** The pid while it runs. */
  pid(): Promise<number | undefined>;
  loadImage(image: TestImage): Promise<void>;
}

export const pauseImage = 'podhand-test/pause:latest' satisfies TestImage;
