import type { TestContainer, TestPod } from '../node/pods.ts';
import { becomes } from '../node/processes.ts';
import type { ClusterAgent, OpenedCluster } from './cluster-agent.ts';

/** So many are started at once: a kubelet of a small machine takes no more. */
const together = 8;
const doNothing = 'trap "exit 3" TERM; sleep 86400 & wait';
const openWithinMs = 60_000;

/** What each open Wait was answered with in the end: the exit codes of its final records. */
export type Answers = readonly (readonly (number | undefined)[])[];

/** Many real pods that do nothing, until they are told to end with exit code 3. */
export class PodFleet {
  readonly members: readonly { readonly pod: TestPod; readonly main: TestContainer }[];

  private constructor(members: PodFleet['members']) {
    this.members = members;
  }

  get pods(): readonly TestPod[] {
    return this.members.map(({ pod }) => pod);
  }

  /** `script`: in place of doing nothing; it has a volume at /outputs. */
  static async start(opened: OpenedCluster, count: number, script = doNothing): Promise<PodFleet> {
    const members: { pod: TestPod; main: TestContainer }[] = [];
    const left = Array.from({ length: count }, (_, at) => at);
    const starter = async () => {
      while (left.pop() !== undefined) {
        const pod = await opened.runtime.pod();
        const volumes = [{ volume: 'outputs', mountPath: '/outputs' }];
        members.push({ pod, main: await pod.run({ name: 'main', command: ['/bin/sh', '-c', script], volumes }) });
      }
    };
    await Promise.all(Array.from({ length: together }, starter));
    return new PodFleet(members);
  }

  /** One Wait per pod, on its own socket; resolves once all are open. The answers come when the pods end. */
  async openWaits(agent: ClusterAgent): Promise<{ readonly answers: Promise<Answers> }> {
    const answers = this.pods.map(async (pod) => {
      const codes: (number | undefined)[] = [];
      for await (const { result } of agent.podClient(pod).wait({ containers: ['main'] }))
        for (const record of result?.records ?? []) codes.push(record.exitKnown ? record.exitCode : undefined);
      return codes;
    });
    const all = Promise.all(answers);
    const areOpen = async () => (await agent.process.metric('podhand_waits')) === this.pods.length;
    const opened = becomes(areOpen, openWithinMs);
    if (!(await Promise.race([opened, all.then(() => false)])))
      throw new Error(`of ${this.pods.length} waits ${await agent.process.metric('podhand_waits')} are open`);
    return { answers: all };
  }

  async end(): Promise<void> {
    for (const { main } of this.members) await main.signal('SIGTERM');
  }
}
