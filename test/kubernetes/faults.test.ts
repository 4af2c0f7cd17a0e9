import { existsSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ask } from '../cluster/ask.ts';
import { Cluster } from '../cluster/cluster.ts';
import type { ClusterPod } from '../cluster/pods/cluster-pod.ts';
import type { ServiceAccount } from '../cluster/service-account.ts';
import { k8sapiRules, openCluster } from '../conformance/cluster-flavours.ts';
import { eventually, logsOf, of, type Subject, waitFor } from '../conformance/subject.ts';
import { expectNoLeak, settledFootprint } from '../faults/footprint.ts';
import type { TestPod } from '../node/pods.ts';
import { about, unary } from '../rpc/agent-under-test.ts';
import { counting, executors, lines, type Opened, openOn } from './counting-pods.ts';

/** Its kubelet and its API server are stopped: nobody else's. */
const plan = { runtime: 'docker', name: 'faults' } as const;
let cluster: Cluster;
beforeAll(async () => {
  cluster = await Cluster.up(plan);
});
afterAll(async () => await cluster?.close());

describe('faults under both executors at once', () => {
  const subjects: Subject[] = [];
  beforeAll(async () => {
    for (const executor of executors) subjects.push(await openOn(await openCluster('docker', plan), executor));
  });
  afterAll(async () => {
    for (const subject of subjects) await subject.close();
  });

  const both = <T>(action: (subject: Subject) => Promise<T>) => Promise.all(subjects.map(action));

  test('the kubelet is restarted ten times: waits and a followed log go on, nothing is lost or doubled', async () => {
    await both(async (subject) => {
      const first = await subject.pod();
      await subject.sh(first, 'main', 'echo hello');
      await waitFor(subject, first, 'main');
      await logsOf(subject, first, { container: 'main', follow: true });
    });
    const counted = await both(async (subject) => {
      const pod = await subject.pod();
      await subject.sh(pod, 'main', counting);
      return { subject, pod };
    });
    // The pods have their sockets.
    const before = await settledFootprint(process.pid);
    const open = counted.map(({ subject, pod }) => {
      const waits = Array.from({ length: 20 }, () => waitLong(subject, pod.uid, 'main'));
      return { subject, pod, waits, following: followed(subject, pod) };
    });
    // So that it is open when the first restart comes.
    for (const { following } of open) await following.isOpen;
    for (let restart = 0; restart < 10; restart++) await cluster.kubelet.restart();
    await Promise.all(
      open.map(async ({ subject, pod, waits, following }) => {
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
        const seen = lines((await following.logs).both);
        expect(seen.length).toBeGreaterThan(10);
        expect(seen).toEqual(seen.map((_, at) => at + 1));
      }),
    );
    await expectNoLeak(process.pid, before);
  }, 300_000);

  test('a container ends while the API server is away for a minute', async () => {
    const running = await both(async (subject) => {
      const pod = await subject.pod();
      const main = await subject.sh(pod, 'main', counting);
      return { main, waiting: waitLong(subject, pod.uid, 'main') };
    });
    const { apiserver } = cluster.controlPlane;
    await apiserver.stop();
    try {
      for (const { main } of running) await main.signal('SIGTERM');
      await new Promise((resolve) => setTimeout(resolve, 60_000));
    } finally {
      await apiserver.start();
    }
    for (const { waiting } of running)
      expect(await waiting).toMatchObject({ exitKnown: true, exitCode: 3, restartCount: 0 });
  }, 300_000);
});

describe.each(executors)('faults under the %s executor', (executor) => {
  let opened: Opened;
  let subject: Subject;
  beforeAll(async () => {
    opened = await openCluster('docker', plan);
    subject = await openOn(opened, executor);
  });
  afterAll(async () => await subject?.close());

  test('the engine falls behind: lines that it stamps after the container has ended are given', async () => {
    const pod = await subject.pod();
    const script = 'trap \'printf "one\\ntwo"; exit 3\' TERM; while :; do sleep 0.1; done';
    const main = await subject.sh(pod, 'main', script);
    const following = logsOf(subject, pod, { container: 'main', follow: true });
    const [dockerd, first] = [await cluster.runtime.pid(), await main.pid()];
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
    opened = await openCluster('docker', plan);
    account = await opened.cluster.serviceAccount(k8sapiRules, options);
    writeFileSync(tokenFile(), await account.token());
    subject = await openOn(opened, 'k8sapi');
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

/** `isOpen`: once twenty lines can be read. */
function followed(subject: Subject, pod: TestPod) {
  const now = () => logsOf(subject, pod, { container: 'main' }).catch(() => undefined);
  const isThere = eventually(async () => (await now()) !== undefined);
  const logs = isThere.then(() => logsOf(subject, pod, { container: 'main', follow: true }, 280_000));
  logs.catch(() => undefined);
  const isOpen = isThere.then(() => eventually(async () => lines((await now())?.both ?? Buffer.of()).length > 20));
  return { logs, isOpen };
}

/** A Wait that outlasts restarts. */
async function waitLong(subject: Subject, podUid: string, name: string) {
  const call = subject.client.wait({ containers: [name], untilKnown: true }, about(podUid), {
    deadline: Date.now() + 280_000,
  });
  for await (const event of call) {
    const record = event.result?.records[0];
    if (record !== undefined) return record;
  }
  throw new Error('Wait ended without a result');
}
