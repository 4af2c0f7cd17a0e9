import { beforeAll, describe, expect, test } from 'vitest';
import type { TestContainer, TestPod } from '../node/pods.ts';
import { failure, unary } from '../rpc/agent-under-test.ts';
import { of, type Subject } from './subject.ts';

/** Two pods: nothing said on one pod's behalf can name, see, read, signal or infer a container of the other. */
export function isolationConformance(subject: () => Subject): void {
  describe('two pods', () => {
    let mine: TestPod;
    let theirs: TestPod;
    let victim: TestContainer;
    beforeAll(async () => {
      mine = await subject().pod();
      theirs = await subject().pod();
      await subject().sh(mine, 'main', 'echo mine > /tmp/file; exec sleep 600');
      victim = await subject().sh(theirs, 'victim', 'echo theirs > /tmp/file; echo secret; exec sleep 600');
    });

    const path = Buffer.from('/tmp/file');
    const destination = Buffer.from('/out');
    /** What a caller may try as the name of a container. */
    const names = (): [string, string][] => [
      ['its name', 'victim'],
      ['its id', victim.id],
      ['its short id', victim.id.slice(0, 12)],
      ['pod and name', `${theirs.name}/victim`],
      ['namespace, pod and name', `${theirs.namespace}/${theirs.name}/victim`],
      ['uid and name', `${theirs.uid}/victim`],
      ['a path', `../${theirs.uid}/victim`],
      ["the runtime's name", `k8s_victim_${theirs.name}_${theirs.namespace}_${theirs.uid}_0`],
      ['its process', 'pid/1'],
      ['a pattern', '*'],
    ];

    test('no form of a name reaches the other pod, and all are answered as a name that exists nowhere', async () => {
      const client = () => subject().client;
      const attempts: Record<string, (name: string) => Promise<string>> = {
        Wait: (name) => failure(client().wait({ containers: [name] }, of(mine))),
        Kill: (name) => failure(unary(client(), 'kill', { containers: [name], gracePeriod: { seconds: 0 } }, of(mine))),
        StreamLogs: (name) => failure(client().streamLogs({ container: name }, of(mine))),
        ReadFile: (name) => failure(client().readFile({ container: name, path }, of(mine))),
        CollectArtifact: (name) => failure(client().collectArtifact({ container: name, path }, of(mine))),
        ResolveEntrypoint: (name) => failure(unary(client(), 'resolveEntrypoint', { container: name }, of(mine))),
        WatchStats: (name) => failure(client().watchStats({ containers: [name], once: true }, of(mine))),
      };
      for (const [rpc, attempt] of Object.entries(attempts)) {
        const unknown = await attempt('exists-nowhere');
        for (const [what, name] of names())
          expect(`${rpc} by ${what}: ${await attempt(name)}`).toBe(`${rpc} by ${what}: ${unknown}`);
      }
    });

    test('lists and default waits hold the own containers only', async () => {
      // An init container is what a flavour may need to begin with.
      const listed = async (pod: TestPod) =>
        (await unary(subject().client, 'listContainers', {}, of(pod))).containers
          .filter(({ kind }) => kind !== 'CONTAINER_KIND_INIT')
          .map(({ name }) => name);
      expect(await listed(mine)).toEqual(['main']);
      expect(await listed(theirs)).toEqual(['victim']);
    });

    test('an image of the other pod is not looked up', async () => {
      expect(await failure(unary(subject().client, 'resolveEntrypoint', { image: 'no-such-image' }, of(mine)))).toMatch(
        /IMAGE_NOT_FOUND|ROLE_NOT_OFFERED/,
      );
    });

    test('the victim was not touched', async () => {
      expect(await victim.pid()).toBeGreaterThan(1);
    });

    test('on the admin socket there is nobody to save for', async () => {
      expect(await failure(subject().client.saveArtifact({ container: 'main', path, destination }, of(mine)))).toBe(
        '9 NO_CALLER_CONTAINER',
      );
    });

    test("a process of the node is not answered on a pod's socket", async () => {
      const { connect } = await import('../rpc/agent-under-test.ts');
      const client = connect(`${subject().runDir}/pods/${mine.uid}/agent.sock`);
      try {
        expect(await failure(unary(client, 'getInfo', {}, of(mine)))).toMatch(/^14 /);
      } finally {
        client.close();
      }
    });
  });
}
