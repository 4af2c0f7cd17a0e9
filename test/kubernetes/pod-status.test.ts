import { describe, expect, test } from 'vitest';
import { podSchema } from '../../src/agent/kubernetes/pod-json.ts';
import { containersOf, mayRestart, runtimeId } from '../../src/agent/kubernetes/pod-status.ts';
import { ended, id, podJson, status } from './pod-shapes.ts';

const of = (json: object) => containersOf(podSchema.parse(json));
const a = 'a'.repeat(64);
const b = 'b'.repeat(64);

describe('containers of a pod', () => {
  test('just scheduled, without any status', () => {
    expect(of(podJson({ phase: 'Pending' }))).toEqual([
      expect.objectContaining({ name: 'main', id: '', state: 'waiting', reason: 'Pending', restartCount: 0 }),
    ]);
  });

  test.each(['ContainerCreating', 'ImagePullBackOff', 'ErrImageNeverPull', 'CreateContainerConfigError'])(
    'waits: %s',
    (reason) => {
      expect(of(podJson({ containerStatuses: [status({ waiting: { reason } })] }))).toMatchObject([
        { id: '', state: 'waiting', reason, imageId: 'sha256:1' },
      ]);
    },
  );

  test('runs', () => {
    const running = status({ running: { startedAt: '2026-01-02T03:04:05Z' } }, { containerID: id('a') });
    expect(of(podJson({ containerStatuses: [running] }))).toMatchObject([
      { id: a, state: 'running', startedAt: new Date('2026-01-02T03:04:05Z'), image: 'img:latest' },
    ]);
  });

  test.each([
    [0, 'Completed', false],
    [3, 'Error', false],
    [137, 'Error', false],
    [137, 'OOMKilled', true],
    [143, 'Error', false],
  ])('exit %i, %s', (exitCode, reason, oomKilled) => {
    const [container] = of(podJson({ containerStatuses: [status(ended(exitCode, { reason }))] }));
    expect(container).toMatchObject({
      id: a,
      state: 'exited',
      reason,
      exit: { exitCode, oomKilled, finishedAt: new Date('2026-01-02T03:04:06Z'), source: 'pod-status' },
    });
    expect(container?.exit).not.toHaveProperty('signal');
  });

  test('never ran: the runtime could not start it', () => {
    const state = ended(128, { reason: 'ContainerCannotRun', message: 'no such file', startedAt: null });
    expect(of(podJson({ containerStatuses: [status(state)] }))).toMatchObject([
      { state: 'exited', reason: 'ContainerCannotRun', exit: { exitCode: 128, message: 'no such file' } },
    ]);
  });

  test('runs again: the attempt before is told with its own number', () => {
    const running = status(
      { running: { startedAt: '2026-01-02T03:05:00Z' } },
      { containerID: id('b'), restartCount: 4, lastState: ended(1) },
    );
    expect(of(podJson({ containerStatuses: [running] }))).toMatchObject([
      { id: a, restartCount: 3, state: 'exited', exit: { exitCode: 1 } },
      { id: b, restartCount: 4, state: 'running' },
    ]);
  });

  test('CrashLoopBackOff: the last attempt is the newest', () => {
    const waiting = status(
      { waiting: { reason: 'CrashLoopBackOff', message: 'back-off 10s' } },
      { containerID: id('a'), restartCount: 2, lastState: ended(7) },
    );
    expect(of(podJson({ containerStatuses: [waiting] }))).toMatchObject([
      { id: a, restartCount: 2, state: 'exited', reason: 'CrashLoopBackOff', exit: { exitCode: 7 } },
    ]);
  });

  test.each([
    ['the kubelet', 137, 'ContainerStatusUnknown'],
    ['containerd', 255, 'Unknown'],
  ])('an exit code that %s made up is none', (_, exitCode, reason) => {
    const state = ended(exitCode, { reason, containerID: '', finishedAt: null });
    const [container] = of(podJson({ containerStatuses: [status(state)] }));
    expect(container).toMatchObject({ state: 'unknown', exit: { oomKilled: false } });
    expect(container?.exit).not.toHaveProperty('exitCode');
    expect(container?.exit?.unknownReason).toContain('lost');
  });

  test.each([
    ['Evicted', 'The node was low on resource: memory.'],
    ['DeadlineExceeded', 'Pod was active on the node longer than the specified deadline'],
  ])('%s, without a word on the containers', (reason, message) => {
    expect(of(podJson({ phase: 'Failed', reason, message, containerStatuses: null }))).toMatchObject([
      { id: '', state: 'unknown', reason, exit: { message, oomKilled: false } },
    ]);
  });

  test('kinds and order', () => {
    const spec = {
      initContainers: [{ name: 'prepare' }, { name: 'proxy', restartPolicy: 'Always' }],
      containers: [{ name: 'main' }, { name: 'other' }],
      ephemeralContainers: [{ name: 'debug' }],
    };
    const initContainerStatuses = [status(ended(0), { name: 'prepare' })];
    expect(
      of(podJson({ initContainerStatuses }, { spec })).map(({ name, kind, state }) => [name, kind, state]),
    ).toEqual([
      ['prepare', 'init', 'exited'],
      ['proxy', 'sidecar', 'waiting'],
      ['main', 'regular', 'waiting'],
      ['other', 'regular', 'waiting'],
      ['debug', 'ephemeral', 'waiting'],
    ]);
  });

  test.each([
    [id('a'), a],
    [`docker://${b}`, b],
    [`cri-o://${a}`, a],
    ['', ''],
    [a, ''],
    [`docker://${'a'.repeat(63)}`, ''],
    [`docker://${'a'.repeat(63)}/`, ''],
  ])('the id of %s', (text, expected) => {
    expect(runtimeId(text)).toBe(expected);
  });
});

describe('whether a container may be started again', () => {
  const finished = { phase: 'Succeeded' };
  const deleted = { deletionTimestamp: '2026-01-02T03:05:00Z' };
  test.each([
    ['Never', 1, {}, {}, false],
    ['OnFailure', 0, {}, {}, false],
    ['OnFailure', 1, {}, {}, true],
    ['Always', 0, {}, {}, true],
    ['Always', 0, finished, {}, false],
    ['Always', 0, {}, deleted, false],
  ])('%s, exit %i, %o, %o: %s', (restartPolicy, exitCode, more, metadata, may) => {
    const json = podJson(
      { containerStatuses: [status(ended(exitCode))], ...more },
      { spec: { restartPolicy }, metadata },
    );
    const pod = podSchema.parse(json);
    expect(containersOf(pod).map((container) => mayRestart(pod, container))).toEqual([may]);
  });

  test.each([
    ['initContainers', 'initContainerStatuses', true],
    ['ephemeralContainers', 'ephemeralContainerStatuses', false],
  ])('of %s', (containers, statuses, may) => {
    const spec = { restartPolicy: 'Never', containers: [], [containers]: [{ name: 'main', image: 'img' }] };
    const pod = podSchema.parse(podJson({ [statuses]: [status(ended(1))] }, { spec }));
    expect(containersOf(pod).map((container) => mayRestart(pod, container))).toEqual([may]);
  });
});
