import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';
import { Engine } from '../../src/agent/executors/docker/engine.ts';
import type { TestImage } from '../node/images.ts';
import { exclusiveEngine } from './exclusive-engine.ts';
import { LabelledPod } from './test-pod.ts';

/** An engine of their own for the tests of a `describe`, which makes this, and a new pod on it for each test. */
export class EnginePod {
  node!: Awaited<ReturnType<typeof exclusiveEngine>>;
  engine!: Engine;
  pod!: LabelledPod;

  constructor(images?: readonly TestImage[]) {
    beforeAll(async () => {
      this.node = await exclusiveEngine(images);
      this.engine = new Engine(this.node.socketPath);
    });
    afterAll(async () => {
      await this.engine.close();
      await this.node.close();
    });
    beforeEach(() => {
      this.pod = new LabelledPod(this.node.docker);
    });
    afterEach(async () => {
      await this.pod.remove();
    });
  }
}
