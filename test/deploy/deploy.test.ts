import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { Cluster } from '../cluster/cluster.ts';
import type { ClusterRuntime } from '../cluster/places.ts';
import { statusOf, untilPod } from '../cluster/pod-objects.ts';
import { DeployedAgent, loadImages, manifest, type Overlay } from './deployed-agent.ts';

let cluster: Cluster;
let agent: DeployedAgent | undefined;

/** On a node of its own, as a common one is: the kubelet's directory is /var/lib/kubelet. */
function useNode(runtime: ClusterRuntime): void {
  beforeAll(async () => {
    cluster = await Cluster.up({ runtime, name: `deploy-${runtime}`, kubeletRoot: 'standard' });
    await loadImages(cluster);
  }, 3_900_000);
  afterEach(async () => {
    await cluster.kubectl.run(['delete', '-f', manifest('example-pod.yaml'), '--ignore-not-found', '--grace-period=1']);
    await agent?.remove();
    agent = undefined;
  }, 180_000);
  afterAll(async () => await cluster?.close());
}

/** The example as it is, or with its main job cut down to what an executor without the base layer can do. */
async function applyExample(change: (text: string) => string = (text) => text): Promise<void> {
  await cluster.apply(change(readFileSync(manifest('example-pod.yaml'), 'utf8')));
}

const ended = (name: string) => (status: Parameters<Parameters<typeof untilPod>[2]>[0]) =>
  status.containerStatuses?.find((container) => container.name === name)?.state.terminated;

async function outputs(): Promise<{ directory: string; record: Record<string, unknown> }> {
  const { metadata, status } = await untilPod(cluster, 'podhand-example', ended('collect'), 120_000).catch(
    async (error: unknown) => {
      throw new Error(`${await agent?.describe()}`, { cause: error });
    },
  );
  const said = await cluster.kubectl.must(['logs', 'podhand-example', '-c', 'collect']);
  expect([ended('collect')(status)?.exitCode, said]).toEqual([0, expect.any(String)]);
  const volume = ['pods', metadata.uid, 'volumes', 'kubernetes.io~empty-dir', 'outputs'];
  const directory = join(cluster.kubeletDir, ...volume);
  expect(existsSync(directory)).toBe(true);
  return { directory, record: JSON.parse(readFileSync(join(directory, 'outputs.json'), 'utf8')) };
}

async function mainJobOf(overlay: Overlay, executor: string): Promise<void> {
  agent = await DeployedAgent.apply(cluster, overlay);
  await applyExample();
  const { directory, record } = await outputs();
  expect(record).toMatchObject({
    executor,
    phase: 'Succeeded',
    result: { value: expect.stringContaining('{"accuracy": 0.97}') },
    parameters: [
      { name: 'accuracy', value: '0.97', source: 'file' },
      { name: 'missing', value: 'none', source: 'default' },
    ],
  });
  for (const name of ['report.tgz', 'model.tgz', 'main.log'])
    expect(statSync(join(directory, name)).size).toBeGreaterThan(20);
  const { status } = await statusOf(cluster, 'podhand-example');
  expect(ended('sidecar')(status)?.exitCode).toBe(137);
  expect(await agent.podhand('--pod', 'default/podhand-example', 'ps')).toMatch(/sidecar .*137/);
}

describe('a node with containerd', () => {
  useNode('containerd');

  test('pns: the whole main job of a restricted pod, by its spec alone', () => mainJobOf('base', 'pns'), 300_000);

  test('a pod that is there before the agent waits for it, and wins', async () => {
    await applyExample();
    await untilPod(cluster, 'podhand-example', ended('main'));
    agent = await DeployedAgent.apply(cluster, 'base');
    const { record } = await outputs();
    expect(record).toMatchObject({ parameters: [{ name: 'accuracy', value: '0.97' }, { name: 'missing' }] });
  }, 300_000);
});

describe('a node with Docker', () => {
  useNode('docker');

  test('docker: the whole main job of a restricted pod', () => mainJobOf('overlays/docker', 'docker'), 300_000);

  test.each<[string, Overlay]>([
    ['kubelet', 'overlays/kubelet'],
    ['k8sapi', 'overlays/k8sapi'],
  ])(
    '%s: what its executor can, without a capability or a host namespace',
    async (executor, overlay) => {
      agent = await DeployedAgent.apply(cluster, overlay);
      // Neither the base layer nor KILL is within their reach.
      const volumesOnly = (text: string) =>
        text.replace(/.*name: report,.*\n/, '').replace("trap '' TERM", "trap 'exit 0' TERM");
      await applyExample(volumesOnly);
      const { directory, record } = await outputs();
      expect(record).toMatchObject({ executor, parameters: [{ value: '0.97' }, { value: 'none' }] });
      for (const name of ['model.tgz', 'main.log']) expect(statSync(join(directory, name)).size).toBeGreaterThan(20);
      const { status } = await statusOf(cluster, 'podhand-example');
      expect(ended('sidecar')(status)?.exitCode).toBe(0);
    },
    300_000,
  );
});
