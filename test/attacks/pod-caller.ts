import { once } from 'node:events';
import { closeSync, existsSync, openSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { ContainerSpec, TestContainer, TestPod } from '../node/pods.ts';
import type { Attempt, Outcome } from './caller-program.ts';

/** A container of a pod that calls its agent as the test says. */
export class PodCaller {
  readonly container: TestContainer;
  readonly #directory: string;

  private constructor(container: TestContainer, directory: string) {
    this.container = container;
    this.#directory = directory;
  }

  /** The container, for a pod that has to be told of it before it is started. */
  static spec(name: string, spec: Partial<ContainerSpec> = {}): ContainerSpec {
    return {
      name,
      image: 'node',
      command: ['/usr/bin/node', '/podhand/test/attacks/caller-program.ts', '/talk/socket'],
      socketDir: true,
      checkout: true,
      ...spec,
      volumes: [{ volume: `talk-${name}`, mountPath: '/talk' }, ...(spec.volumes ?? [])],
    };
  }

  static async start(pod: TestPod, name: string, spec: Partial<ContainerSpec> = {}): Promise<PodCaller> {
    return await PodCaller.of(pod, await pod.run(PodCaller.spec(name, spec)));
  }

  /** Once that container, of such a spec, listens. */
  static async of(pod: TestPod, container: TestContainer): Promise<PodCaller> {
    const directory = await pod.volumeDir(`talk-${container.name}`);
    const until = Date.now() + 30_000;
    while (!existsSync(join(directory, 'socket'))) {
      if (Date.now() > until) throw new Error('the caller in the pod does not come up');
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return new PodCaller(container, directory);
  }

  /** Makes one call from inside the pod. */
  async call(attempt: Attempt): Promise<Outcome> {
    // A unix address is short; through the descriptor any directory fits.
    const fd = openSync(this.#directory, 'r');
    const connection = connect(`/proc/self/fd/${fd}/socket`);
    try {
      await once(connection, 'connect');
      connection.write(`${JSON.stringify(attempt)}\n`);
      for await (const line of createInterface({ input: connection })) return JSON.parse(line) as Outcome;
      throw new Error('the caller in the pod has ended');
    } finally {
      connection.destroy();
      closeSync(fd);
    }
  }
}

export function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}
