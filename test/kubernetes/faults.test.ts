import { existsSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ask } from '../cluster/ask.ts';
import type { ClusterPod } from '../cluster/pods/cluster-pod.ts';
import type { ServiceAccount } from '../cluster/service-account.ts';
import { k8sapiRules, kubernetesTable, openCluster } from '../conformance/cluster-flavours.ts';
import { eventually, logsOf, of, openSubject, type Subject, waitFor } from '../conformance/subject.ts';
import { expectNoLeak, settledFootprint } from '../faults/footprint.ts';
import { unary } from '../rpc/agent-under-test.ts';

type Opened = Awaited<ReturnType<typeof openCluster>>;

describe.each(['kubelet', 'k8sapi'] as const)('faults under the %s executor', (executor) => {
  let opened: Opened;
  let subject: Subject;
  beforeAll(async () => {
    // Its kubelet and its API server are stopped: nobody else's.
    opened = await openCluster('docker', { name: 'faults' });
    const settings = [`nodeName=${opened.cluster.nodeName}`, ...opened[executor]];
    subject = await openSubject({
      executor,
      open: async () => ({ runtime: opened.runtime, settings, close: opened.close }),
      terminals: true,
      fixedPods: true,
      capabilities: kubernetesTable,
    });
  });
  afterAll(async () => await subject?.close());

  const counting = 'i=0; trap "exit 3" TERM; while :; do i=$((i+1)); echo $i; sleep 0.1; done';
  const lines = (text: Buffer) => text.toString().trimEnd().split('\n').map(Number);

  test('the kubelet is restarted ten times: waits and a followed log go on, nothing is lost or doubled', async () => {
    const first = await subject.pod();
    await subject.sh(first, 'main', 'echo hello');
    await waitFor(subject, first, 'main');
    await logsOf(subject, first, { container: 'main', follow: true });
    const pod = await subject.pod();
    await subject.sh(pod, 'main', counting);
    // The pod has its socket.
    const before = await settledFootprint(process.pid);
    const waits = Array.from({ length: 20 }, () => waitLong(subject, pod.uid, 'main'));
    await eventually(
      async () => (await logsOf(subject, pod, { container: 'main' }).catch(() => undefined)) !== undefined,
    );
    const following = logsOf(subject, pod, { container: 'main', follow: true }, 280_000);
    // So that it is open when the first restart comes.
    await eventually(async () => lines((await logsOf(subject, pod, { container: 'main' })).both).length > 20);
    for (let restart = 0; restart < 10; restart++) await opened.cluster.kubelet.restart();
    const shown = async () => (await unary(subject.client, 'listContainers', {}, of(pod))).containers;
    const running = { name: 'main', state: 'CONTAINER_STATE_RUNNING', restartCount: 0 };
    await expect.poll(shown, { timeout: 60_000 }).toMatchObject([running]);
    await eventually(async () => {
      const { outcomes } = await unary(subject.client, 'kill', { containers: ['main'] }, of(pod)).catch(() => ({
        outcomes: [],
      }));
      return outcomes[0]?.finalRecord?.exitCode === 3;
    });
    for (const record of await Promise.all(waits)) expect(record).toMatchObject({ exitKnown: true, exitCode: 3 });
    const seen = lines((await following).both);
    expect(seen.length).toBeGreaterThan(10);
    expect(seen).toEqual(seen.map((_, at) => at + 1));
    await expectNoLeak(process.pid, before);
  }, 300_000);

  test('a container ends while the API server is away for a minute', async () => {
    const pod = await subject.pod();
    const main = await subject.sh(pod, 'main', counting);
    const waiting = waitLong(subject, pod.uid, 'main');
    const { apiserver } = opened.cluster.controlPlane;
    await apiserver.stop();
    try {
      await main.signal('SIGTERM');
      await new Promise((resolve) => setTimeout(resolve, 60_000));
    } finally {
      await apiserver.start();
    }
    expect(await waiting).toMatchObject({ exitKnown: true, exitCode: 3, restartCount: 0 });
  }, 300_000);

  test('the engine falls behind: lines that it stamps after the container has ended are given', async () => {
    const pod = await subject.pod();
    const script = 'trap \'printf "one\\ntwo"; exit 3\' TERM; while :; do sleep 0.1; done';
    const main = await subject.sh(pod, 'main', script);
    const following = logsOf(subject, pod, { container: 'main', follow: true });
    const [dockerd, first] = [await opened.cluster.runtime.pid(), await main.pid()];
    if (dockerd === undefined) throw new Error('the cluster has no dockerd');
    process.kill(dockerd, 'SIGSTOP');
    try {
      process.kill(first, 'SIGTERM');
      await eventually(async () => !existsSync(`/proc/${first}`));
      // Times in a status are whole seconds: two later is after the end in each of them.
      await new Promise((resolve) => setTimeout(resolve, 2_500));
    } finally {
      process.kill(dockerd, 'SIGCONT');
    }
    expect((await following).both.toString()).toBe('one\ntwo');
    const tail = await logsOf(subject, pod, { container: 'main', tailLines: 1 });
    expect(tail.both.toString()).toBe('two');
  });

  test('a pod is deleted in good order while it is awaited: the end is known', async () => {
    const pod = (await subject.pod({ spec: { terminationGracePeriodSeconds: 30 } })) as ClusterPod;
    await subject.sh(pod, 'main', counting);
    const waiting = waitFor(subject, pod, 'main');
    await pod.delete(30);
    expect(await waiting).toMatchObject({ exitKnown: true, exitCode: 3 });
  });

  test('a pod is deleted by force while it is awaited: the wait ends, and says what is not known', async () => {
    const pod = (await subject.pod()) as ClusterPod;
    await subject.sh(pod, 'main', counting);
    const waiting = waitFor(subject, pod, 'main');
    await pod.delete(0);
    const record = await waiting;
    if (record.exitKnown) expect([3, 137]).toContain(record.exitCode);
    else expect(record.unknownReason).not.toBe('');
  });
});

describe('the token', () => {
  let opened: Opened;
  let subject: Subject;
  let account: ServiceAccount;
  const options = { name: 'rotated', namespace: 'default' };
  beforeAll(async () => {
    opened = await openCluster('docker', { name: 'faults' });
    account = await opened.cluster.serviceAccount(k8sapiRules, options);
    const settings = [`nodeName=${opened.cluster.nodeName}`, ...opened.k8sapi];
    writeFileSync(tokenFile(), await account.token());
    subject = await openSubject({
      executor: 'k8sapi',
      open: async () => ({ runtime: opened.runtime, settings, close: opened.close }),
      terminals: true,
      fixedPods: true,
      capabilities: kubernetesTable,
    });
  });
  afterAll(async () => {
    await account?.remove();
    await subject?.close();
  });

  const tokenFile = () =>
    opened.k8sapi.find((setting) => setting.startsWith('k8sapi.tokenFile='))?.slice('k8sapi.tokenFile='.length) ?? '';

  test('is refused after a rotation, and the new one is taken from its file at once', async () => {
    const { cluster } = opened;
    const pod = await subject.pod();
    await subject.sh(pod, 'main', 'echo hello; exec sleep 600');
    const old = await account.token();
    // Another account under the same name: what the first one was given is good for nothing.
    await account.remove();
    await eventually(
      async () => (await ask(`${cluster.apiUrl}/api`, { ca: cluster.caFile, token: old })).status === 401,
    );
    account = await cluster.serviceAccount(k8sapiRules, options);
    writeFileSync(tokenFile(), await account.token());
    await eventually(
      async () =>
        (await logsOf(subject, pod, { container: 'main' }).catch(() => undefined))?.both.toString() === 'hello\n',
    );
    const next = await subject.pod();
    await subject.sh(next, 'main', 'exit 4');
    expect((await waitFor(subject, next, 'main')).exitCode).toBe(4);
  });
});

/** A Wait that outlasts restarts. */
async function waitLong(subject: Subject, podUid: string, name: string) {
  const { about } = await import('../rpc/agent-under-test.ts');
  const call = subject.client.wait({ containers: [name], untilKnown: true }, about(podUid), {
    deadline: Date.now() + 280_000,
  });
  for await (const event of call) {
    const record = event.result?.records[0];
    if (record !== undefined) return record;
  }
  throw new Error('Wait ended without a result');
}
