import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { clusterFlavour, emissaryTable } from '../conformance/cluster-flavours.ts';
import { collect, logsOf, of, openSubject, readFile, type Subject, waitFor } from '../conformance/subject.ts';
import type { TestPod } from '../node/pods.ts';
import { unary } from '../rpc/agent-under-test.ts';

const flavour = clusterFlavour(
  'containerd',
  'emissary',
  emissaryTable,
  ({ k8sapi }) => [...k8sapi, 'emissary.podSource=k8sapi'],
  { emissary: true },
);

const template = {
  containerSet: {
    retryStrategy: { retries: 2, duration: '10ms' },
    containers: [
      { name: 'main', dependencies: ['first'] },
      { name: 'first' },
      { name: 'flaky' },
      { name: 'fails' },
      { name: 'never', dependencies: ['fails'] },
      { name: 'runs' },
      { name: 'waits', dependencies: ['runs'] },
    ],
  },
  outputs: {
    parameters: [{ name: 'value', valueFrom: { path: '/tmp/value' } }],
    artifacts: [{ name: 'tree', path: '/tmp/tree' }],
  },
};

const scripts: Record<string, string> = {
  main: 'echo main >> /order/log; mkdir /tmp/tree; echo leaf > /tmp/tree/leaf; echo 42 > /tmp/value; echo result',
  first: 'sleep 1; echo first >> /order/log',
  flaky: 'echo try >> /order/tries; echo said; [ "$(wc -l < /order/tries)" -ge 3 ]',
  fails: 'echo try >> /order/failures; exit 3',
  never: 'echo started',
  runs: 'exec sleep 600',
  waits: 'echo started',
};

/** One real pod, awaited and stopped through an agent with no right but to see pods and their shared volumes. */
describe('a container set in a real pod', () => {
  let subject: Subject;
  let pod: TestPod;
  beforeAll(async () => {
    subject = await openSubject(flavour);
    pod = await subject.pod();
    const spec = {
      env: { ARGO_TEMPLATE: JSON.stringify(template) },
      volumes: [{ volume: 'order', mountPath: '/order' }],
      start: false,
    };
    // All of them are of the pod before the first is let through its gate, which its emissary starts.
    const all = [];
    for (const [name, script] of Object.entries(scripts)) {
      all.push(await subject.sh(pod, name, script, spec));
    }
    for (const container of all) await container.start();
  }, 3_900_000);
  afterAll(async () => await subject?.close());

  const order = async (name: string) => readFileSync(join(await pod.volumeDir('order'), name), 'utf8');
  const shared = async (name: string) => join(await pod.volumeDir('var-run-argo'), name);

  test('in the order of its dependencies; what main leaves on its base layer is saved', async () => {
    expect(await waitFor(subject, pod, 'main')).toMatchObject({ exitCode: 0, exitKnown: true });
    expect(await order('log')).toBe('first\nmain\n');
    const { both } = await logsOf(subject, pod, { container: 'main', stream: 'LOG_STREAM_STDOUT' });
    expect(both.toString()).toBe('result\n');
    expect((await readFile(subject, pod, 'main', '/tmp/value')).toString()).toBe('42\n');
    const { bytes, trailer } = await collect(subject, pod, 'main', '/tmp/tree', 'ARCHIVE_FORMAT_TAR');
    expect([trailer.entries, trailer.contentBytes, bytes.includes('leaf\n')]).toEqual([2, 5, true]);
  });

  test('a container that fails is tried again, and its output goes on', async () => {
    expect(await waitFor(subject, pod, 'flaky')).toMatchObject({ exitCode: 0 });
    expect(await order('tries')).toBe('try\n'.repeat(3));
    expect((await logsOf(subject, pod, { container: 'flaky' })).both.toString()).toBe('said\n'.repeat(3));
    expect(JSON.parse(readFileSync(await shared('ctr/flaky/record'), 'utf8'))).toMatchObject({ attempts: 3 });
  });

  test('a failing dependency: as often as it is tried, then 65 for what depends on it', async () => {
    expect(await waitFor(subject, pod, 'fails')).toMatchObject({ exitCode: 3 });
    expect(await order('failures')).toBe('try\n'.repeat(3));
    const record = await waitFor(subject, pod, 'never');
    expect(record).toMatchObject({ exitCode: 65, message: expect.stringContaining('"fails"') });
  });

  test('a signal while one waits for its dependency: it ends, and its command never began', async () => {
    const { outcomes } = await unary(
      subject.client,
      'kill',
      { containers: ['waits'], gracePeriod: { seconds: 30 } },
      of(pod),
    );
    expect(outcomes).toMatchObject([
      { result: 'KILL_RESULT_ENDED_IN_TIME', signals: ['TERM'], finalRecord: { exitCode: 143 } },
    ]);
    expect(existsSync(await shared('ctr/waits/stdout'))).toBe(false);
    const { containers } = await unary(subject.client, 'listContainers', {}, of(pod));
    expect(containers.find(({ name }) => name === 'waits')?.reason).toBe('SIGNALED_BEFORE_START');
  });
});
