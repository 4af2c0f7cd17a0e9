import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AuditLog } from '../../src/agent/rpc/audit.ts';
import { base64, PodCaller } from '../attacks/pod-caller.ts';
import { pnsOnNamespaces } from '../conformance/flavours.ts';
import { collect, eventually, of, openSubject, readFile, type Subject } from '../conformance/subject.ts';
import type { TestContainer, TestPod } from '../node/pods.ts';
import { about, failure, startTestAgent, unary } from '../rpc/agent-under-test.ts';
import { container, exited, podA } from '../rpc/scripted-executor.ts';

type Line = Record<string, unknown>;

function auditOf(lines: readonly string[]): Line[] {
  return lines.map((line): Line => JSON.parse(line)).filter(({ audit }) => audit === true);
}

describe('audit log of real containers', () => {
  let subject: Subject;
  let pod: TestPod;
  let main: TestContainer;
  let caller: PodCaller;
  beforeAll(async () => {
    subject = await openSubject(pnsOnNamespaces);
    pod = await subject.pod();
    main = await subject.sh(pod, 'main', 'echo result > /tmp/out; trap "" TERM; while :; do sleep 0.1; done');
    caller = await PodCaller.start(pod, 'wait');
    await eventually(async () => (await failure(readFile(subject, pod, 'main', '/tmp/out'))) === 'OK');
  });
  afterAll(async () => await subject?.close());

  /** The audit lines that `act` makes; there is one at least, or it fails saying so. */
  const linesOf = async (act: () => Promise<unknown>): Promise<Line[]> => {
    const before = subject.logLines.length;
    await act();
    const lines = () => auditOf(subject.logLines.slice(before));
    await expect.poll(lines, { message: 'audit lines', timeout: 10_000 }).not.toEqual([]);
    return lines();
  };
  const common = () => ({ audit: true, msg: 'audit', pod: `${pod.namespace}/${pod.name}`, podUid: pod.uid });
  const fromPod = () => ({ kind: 'pod', pid: expect.any(Number), container: 'wait', containerId: caller.container.id });

  test('a file that was read: who, what, how much', async () => {
    const request = { container: 'main', path: base64('/tmp/out') };
    const lines = await linesOf(async () => {
      expect((await caller.call({ rpc: 'readFile', request })).result).toBe('OK');
    });
    expect(lines).toEqual([expect.objectContaining({ ...common(), action: 'read', rpc: 'ReadFile', peer: fromPod() })]);
    expect(lines[0]).toMatchObject({ container: 'main', containerId: main.id, path: '/tmp/out' });
    expect(lines[0]).toMatchObject({ bytes: 7, outcome: 'OK', code: 0, ms: expect.any(Number) });
  });

  test('a file that was refused, by a name that is not text', async () => {
    const path = Buffer.from([0x2f, 0xff, 0x0a]);
    const request = { container: 'main', path: path.toString('base64') };
    const lines = await linesOf(async () => {
      expect((await caller.call({ rpc: 'readFile', request })).result).toBe('5 FILE_NOT_FOUND');
    });
    expect(lines).toMatchObject([{ action: 'read', outcome: 'FILE_NOT_FOUND', code: 5, path: '/\ufffd\n' }]);
    expect(lines[0]?.pathBase64).toBe(path.toString('base64'));
    expect(lines[0]).not.toHaveProperty('bytes');
  });

  test('an artifact that root of the node collected', async () => {
    const lines = await linesOf(async () => await collect(subject, pod, 'main', '/tmp', 'ARCHIVE_FORMAT_TAR'));
    expect(lines).toMatchObject([
      { ...common(), action: 'collect', container: 'main', path: '/tmp', format: 'ARCHIVE_FORMAT_TAR', outcome: 'OK' },
    ]);
    expect(lines[0]?.peer).toEqual({ kind: 'admin', pid: process.pid });
    expect(lines[0]?.bytes).toBeGreaterThanOrEqual(1024);
  });

  test('an artifact that was saved, with its destination', async () => {
    const request = {
      container: 'main',
      path: base64('/tmp/out'),
      destination: base64('/talk/saved'),
      format: 'ARCHIVE_FORMAT_RAW',
    };
    const lines = await linesOf(async () => {
      expect((await caller.call({ rpc: 'saveArtifact', request })).result).toBe('OK');
    });
    expect(lines).toMatchObject([
      { action: 'save', container: 'main', path: '/tmp/out', destination: '/talk/saved', bytes: 7, outcome: 'OK' },
    ]);
    expect(lines[0]?.peer).toEqual(fromPod());
  });

  test('a kill: a line for each container, each with the signals that it was sent', async () => {
    await subject.sh(pod, 'other', 'trap "exit 3" TERM; while :; do sleep 0.1; done');
    const request = { containers: ['main', 'other'], gracePeriod: { seconds: 1 } };
    const lines = await linesOf(async () => {
      expect((await caller.call({ rpc: 'kill', request })).result).toBe('OK');
    });
    expect(lines).toHaveLength(2);
    expect(lines).toMatchObject([
      { ...common(), action: 'kill', container: 'main', containerId: main.id, signal: 'TERM', graceMs: 1000 },
      { action: 'kill', container: 'other', peer: fromPod(), outcome: 'OK' },
    ]);
    expect(lines[0]).toMatchObject({ signals: ['TERM', 'KILL'], result: 'KILL_RESULT_FORCED', outcome: 'OK' });
    expect(lines[1]).toMatchObject({ signals: ['TERM'], result: 'KILL_RESULT_ENDED_IN_TIME' });
  });

  test('what only looks is not in it', async () => {
    const before = auditOf(subject.logLines).length;
    await unary(subject.client, 'listContainers', {}, of(pod));
    await linesOf(async () => await failure(readFile(subject, pod, 'main', '/tmp/absent')));
    expect(auditOf(subject.logLines).slice(before)).toMatchObject([{ path: '/tmp/absent' }]);
  });

  test('what is done amid saves that are refused over and over has its line, and these have not', async () => {
    const save = async (path: string) => {
      const request = { container: 'main', path: base64(path), destination: base64('/talk/amid') };
      const call = { rpc: 'saveArtifact', request: { ...request, format: 'ARCHIVE_FORMAT_RAW' } } as const;
      return (await caller.call(call)).result;
    };
    const lines = await linesOf(async () => {
      for (let at = 0; at < 25; at++) expect(await save('/tmp/none')).toBe('5 FILE_NOT_FOUND');
      expect(await save('/tmp/out')).toBe('OK');
      const request = { container: 'main', path: base64('/tmp/out') };
      for (const rpc of ['readFile', 'collectArtifact'] as const)
        expect((await caller.call({ rpc, request })).result).toBe('OK');
    });
    expect(lines.filter(({ outcome }) => outcome === 'FILE_NOT_FOUND').length).toBeLessThan(25);
    const done = lines.filter(({ outcome }) => outcome === 'OK');
    expect(done).toMatchObject([{ action: 'save', bytes: 7 }, { action: 'read', bytes: 7 }, { action: 'collect' }]);
  });
});

describe('audit log of calls that came to nothing', () => {
  test('a kill that its caller gave up names the signal that was sent', async () => {
    await using agent = await disposable();
    const client = agent.admin();
    const call = client.kill({ containers: ['main'] }, about('default/a'), () => undefined);
    await expect.poll(() => agent.executor.sent).toEqual(['main 15']);
    call.cancel();
    await expect
      .poll(() => agent.logLines.filter(({ audit }) => audit === true))
      .toMatchObject([{ action: 'kill', container: 'main', signals: ['TERM'], outcome: 'CANCELLED', code: 1 }]);
  });

  test('a refused kill has one line, with so many of its names as a pod may have', async () => {
    await using agent = await disposable();
    const containers = Array.from({ length: 1000 }, (_, at) => `c${at}`);
    const kill = unary(agent.admin(), 'kill', { containers, signal: 'x'.repeat(1000) }, about('default/a'));
    expect(await failure(kill)).toBe('3 INVALID_SIGNAL');
    const lines = agent.logLines.filter(({ audit }) => audit === true);
    expect(lines).toMatchObject([{ container: 'c0', named: 1000, signal: 'x'.repeat(32), outcome: 'INVALID_SIGNAL' }]);
    expect(lines[0]?.containers).toEqual(containers.slice(0, 16));
  });

  test('a kill that did something to one of its containers has a line of that, and one of the others', async () => {
    await using agent = await disposable();
    agent.executor.put(podA, exited(container(podA, 'ended'), 0));
    agent.executor.put(podA, exited(container(podA, 'gone'), 0));
    agent.executor.onSignal = (to) => agent.executor.put(podA, exited(to, 143));
    const kill = unary(agent.admin(), 'kill', { containers: ['ended', 'main', 'gone'] }, about('default/a'));
    expect(await failure(kill)).toBe('OK');
    const lines = agent.logLines.filter(({ audit }) => audit === true);
    expect(lines).toMatchObject([
      { container: 'main', signals: ['TERM'], result: 'KILL_RESULT_ENDED_IN_TIME', outcome: 'OK' },
      { container: 'ended', containers: ['ended', 'gone'], named: 2, outcome: 'OK' },
    ]);
    expect(lines[1]).not.toHaveProperty('signals');
  });

  test('a call about a pod that is not here says so', async () => {
    await using agent = await disposable();
    await failure(unary(agent.admin(), 'kill', { containers: ['main'] }, about('default/zzz')));
    const line = agent.logLines.find(({ audit }) => audit === true);
    expect(line).toMatchObject({ container: 'main', outcome: 'POD_NOT_FOUND', peer: { kind: 'admin' } });
    expect(line).not.toHaveProperty('pod');
  });

  test('log.audit=false keeps none, and the line of the call stays', async () => {
    await using agent = await disposable(['log.audit=false']);
    await failure(unary(agent.admin(), 'kill', { containers: ['nobody'] }, about('default/a')));
    expect(agent.logLines.filter(({ audit }) => audit === true)).toEqual([]);
    expect(agent.logLines.filter(({ msg }) => msg === 'call')).toMatchObject([{ reason: 'CONTAINER_NOT_FOUND' }]);
  });
});

test('what an operator silences is the log of calls, not the audit', () => {
  const lines: string[] = [];
  const audit = new AuditLog(pino({ level: 'silent' }, { write: (line) => void lines.push(line) }), () => undefined);
  const end = {
    rpc: 'ReadFile',
    pod: undefined,
    caller: undefined,
    bytes: 0,
    code: 0,
    reason: 'OK',
    ms: 1,
    traceId: undefined,
  };
  audit.ended(() => ({ action: 'read', containers: ['main'], facts: { path: '/x' } }), audit.begin(), end);
  expect(auditOf(lines)).toMatchObject([{ container: 'main', path: '/x' }]);
});

async function disposable(set: string[] = []) {
  const agent = await startTestAgent(set);
  return Object.assign(agent, { [Symbol.asyncDispose]: () => agent.close() });
}
