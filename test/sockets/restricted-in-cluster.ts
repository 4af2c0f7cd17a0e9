import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Cluster } from '../cluster/cluster.ts';
import type { ClusterRuntime } from '../cluster/places.ts';
import { untilPod } from '../cluster/pod-objects.ts';
import { eventually } from '../conformance/subject.ts';
import { AgentProcess } from '../node/agent-process.ts';
import { clusterName, clusterSettings } from './cluster-settings.ts';
import { clientConfigMap, restrictedPod } from './restricted-pod.ts';

/** Pods that may do nothing, over sockets in emptyDirs. */
export function restrictedPodsInCluster(runtime: ClusterRuntime, executors: readonly ('docker' | 'pns')[]): void {
  describe(`restricted pods on ${runtime}`, () => {
    let cluster: Cluster;
    let directory: string;

    beforeAll(async () => {
      cluster = await Cluster.up({ runtime, name: clusterName(runtime) });
      await cluster.loadImage('podhand-test/node:latest');
      directory = mkdtempSync(join(tmpdir(), 'podhand-sockets-'));
      await cluster.kubectl.run(['delete', 'configmap', 'client', '--ignore-not-found']);
      await cluster.kubectl.must(['create', '-f', '-'], JSON.stringify(await clientConfigMap(directory)));
    }, 3_600_000);
    afterAll(async () => {
      await cluster?.close();
      rmSync(directory, { recursive: true, force: true });
    });

    describe.each(executors)('a restricted pod of a real cluster, with the %s executor', (executor) => {
      let agent: AgentProcess;
      beforeEach(async () => {
        agent = await AgentProcess.start(directory, [
          ...clusterSettings(cluster, executor),
          `runDir=${directory}/run`,
          'sockets.hostPath=false',
        ]);
      });
      afterEach(async () => await agent.end('SIGTERM'));

      test.each([
        ['on disk', {}],
        ['in memory', { medium: 'Memory' }],
      ])(
        'with the volume %s, calls its own agent from its first container on, and can be deleted',
        async (_, emptyDir) => {
          const name = `restricted-${executor}-${'medium' in emptyDir ? 'memory' : 'disk'}`;
          await cluster.kubectl.must(['delete', 'pod', name, '--ignore-not-found', '--wait']);
          await cluster.apply([restrictedPod(name, emptyDir)]);
          const { metadata, status } = await untilPod(
            cluster,
            name,
            ({ phase }) => phase === 'Succeeded' || phase === 'Failed',
            120_000,
          );
          for (const container of ['first', 'main']) {
            const said = await cluster.kubectl.must(['logs', name, '-c', container]);
            expect(JSON.parse(said)).toMatchObject({
              executor,
              pod: { name, uid: metadata.uid },
              callerContainer: container,
            });
          }
          expect(status.phase).toBe('Succeeded');
          await cluster.kubectl.must(['delete', 'pod', name, '--wait', '--timeout=90s']);
          await eventually(async () => !existsSync(join(cluster.kubeletDir, 'pods', metadata.uid)));
          const ours = () => agent.descriptors().filter((target) => target.startsWith(cluster.kubeletDir));
          await eventually(async () => ours().length === 0);
          expect(agent.logged('no socket for this pod: something is in the way')).toEqual([]);
        },
        240_000,
      );
    });
  });
}
