import { readFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { Cluster } from '../cluster/cluster.ts';
import type { ClusterRuntime } from '../cluster/places.ts';
import { type PodStatus, statusOf, untilPod } from '../cluster/pod-objects.ts';
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
    await removeExample();
    await agent?.remove();
    agent = undefined;
  }, 180_000);
  afterAll(async () => await cluster?.close());
}

async function removeExample(): Promise<void> {
  for (const example of ['example-pod.yaml', 'examples/emissary-collect.yaml']) {
    await cluster.kubectl.must(['delete', '-f', manifest(example), '--ignore-not-found', '--grace-period=1']);
  }
}

/** The example as it is, or with its main job cut down to what an executor without the base layer can do. */
async function applyExample(
  change: (text: string) => string = (text) => text,
  example = 'example-pod.yaml',
): Promise<void> {
  // What an earlier try has left would look like this one's.
  await removeExample();
  const text = readFileSync(manifest(example), 'utf8');
  await cluster.apply(change(text.replace('collect, -f', '-q, -o, json, collect, -f')));
}

const ended = (name: string) => (status: PodStatus) =>
  status.containerStatuses?.find((container) => container.name === name)?.state.terminated;

interface Outputs {
  readonly errors: readonly unknown[];
  readonly artifacts: readonly { readonly name: string; readonly status: string; readonly size: number }[];
  readonly logs: readonly { readonly bytes: number; readonly complete: boolean }[];
}

/** What collect has taken, as it prints it: a kubelet removes the volumes of a pod that is done. */
async function outputs(pod = 'podhand-example'): Promise<Outputs> {
  const { status } = await untilPod(cluster, pod, ended('collect'), 120_000).catch(async (error: unknown) => {
    throw new Error(`${await agent?.describe()}`, { cause: error });
  });
  const said = await cluster.kubectl.must(['logs', pod, '-c', 'collect']);
  const taken: Outputs = JSON.parse(said);
  expect(taken.errors).toEqual([]);
  expect(ended('collect')(status)?.exitCode).toBe(0);
  return taken;
}

/** Everything that the spec asks for is there, and has something in it. */
function expectTaken({ artifacts, logs }: Outputs, names: readonly string[]): void {
  expect(artifacts.map(({ name, status, size }) => [name, status, size > 20])).toEqual(
    names.map((name) => [name, 'saved', true]),
  );
  expect(logs).toMatchObject([{ bytes: 40, complete: true }]);
}

async function mainJobOf(overlay: Overlay, executor: string): Promise<void> {
  agent = await DeployedAgent.apply(cluster, overlay);
  await applyExample();
  const record = await outputs();
  expect(record).toMatchObject({
    executor,
    phase: 'Succeeded',
    result: { value: expect.stringContaining('{"accuracy": 0.97}') },
    parameters: [
      { name: 'accuracy', value: '0.97', source: 'file' },
      { name: 'missing', value: 'none', source: 'default' },
    ],
  });
  expectTaken(record, ['report', 'model']);
  const { status } = await statusOf(cluster, 'podhand-example');
  expect(ended('sidecar')(status)?.exitCode).toBe(137);
  expect(await agent.podhand('--pod', 'default/podhand-example', 'ps')).toMatch(/sidecar .*137/);
}

describe('a node with containerd', () => {
  useNode('containerd');

  test('pns: the whole main job of a restricted pod, by its spec alone', () => mainJobOf('base', 'pns'), 300_000);

  test('the emissary that the agent puts into a volume runs the command of a restricted pod', async () => {
    const architecture = process.arch === 'x64' ? 'amd64' : process.arch;
    const PODHAND_EMISSARY_BINARY = `/podhand/dist/emissary/podhand-emissary-${architecture}`;
    agent = await DeployedAgent.apply(cluster, 'base', { PODHAND_EMISSARY_BINARY });
    const example = ['-f', manifest('examples/emissary-by-agent.yaml')];
    await cluster.kubectl.must(['apply', ...example]);
    try {
      const { status } = await untilPod(cluster, 'emissary-by-agent', ended('main'), 120_000);
      expect(ended('main')(status)?.exitCode).toBe(3);
      expect(await cluster.kubectl.must(['logs', 'emissary-by-agent', '-c', 'main'])).toBe('working\n');
    } finally {
      await cluster.kubectl.must(['delete', ...example, '--grace-period=1']);
    }
  }, 300_000);

  test('a pod that is there before the agent waits for it, and wins', async () => {
    await applyExample();
    const first = (status: PodStatus) => status.initContainerStatuses?.[0]?.state.running;
    const { status } = await untilPod(cluster, 'podhand-example', first, 90_000);
    expect(ended('main')(status)).toBeUndefined();
    agent = await DeployedAgent.apply(cluster, 'base');
    const record = await outputs();
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
      const record = await outputs();
      expect(record).toMatchObject({ executor, parameters: [{ value: '0.97' }, { value: 'none' }] });
      expectTaken(record, ['model']);
      const { status } = await statusOf(cluster, 'podhand-example');
      expect(ended('sidecar')(status)?.exitCode).toBe(0);
    },
    300_000,
  );

  test('emissary: base layer, result and KILL, without a capability, a host namespace or an exec', async () => {
    agent = await DeployedAgent.apply(cluster, 'overlays/emissary');
    await applyExample((text) => text, 'examples/emissary-collect.yaml');
    const record = await outputs('podhand-emissary');
    expect(record).toMatchObject({
      executor: 'emissary',
      phase: 'Succeeded',
      result: { value: '{}' },
      parameters: [{ name: 'accuracy', value: '0.97', source: 'file' }],
      artifacts: [{ name: 'report', status: 'saved' }],
      logs: [{ bytes: 3, complete: true }],
    });
    const { status } = await statusOf(cluster, 'podhand-emissary');
    expect(ended('sidecar')(status)?.exitCode).toBe(137);
  }, 300_000);
});
