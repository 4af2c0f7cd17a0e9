import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { of, openSubject, type Subject, waitFor } from '../conformance/subject.ts';
import { failure, unary } from '../rpc/agent-under-test.ts';
import { emissaryOnDocker, SupervisedPod } from './supervised-pod.ts';

const recordOf = (subject: Subject, uid: string, name = 'main-0') =>
  JSON.parse(readFileSync(join(subject.stateDir, 'records', uid, `${name}.json`), 'utf8')) as Record<string, unknown>;

describe('ends that emissaries tell', () => {
  let subject: Subject;
  beforeAll(async () => {
    subject = await openSubject(emissaryOnDocker());
  }, 600_000);
  afterAll(async () => await subject?.close());

  test.each([
    ['its own exit code', 'exit 7', { exitCode: 7, signal: 0 }],
    ['64 of a command', 'exit 64', { exitCode: 64, signal: 0 }],
    ['a death by signal', 'kill -SEGV $$', { exitCode: 139, signal: 11 }],
    ['128 + n of its own', 'exit 139', { exitCode: 139, signal: 0 }],
  ])('%s', async (_, script, expected) => {
    const own = await SupervisedPod.make(subject);
    // Stays: what the emissary wrote is all that there is to know by.
    writeFileSync(own.at('agent'), '60000');
    await own.sh('main', script);
    expect(await waitFor(subject, own.pod, 'main')).toMatchObject({ exitKnown: true, ...expected, source: 'emissary' });
  });

  test('the emissary’s own failure has its reason and its words', async () => {
    const own = await SupervisedPod.make(subject);
    await own.sh('stays', 'exec sleep 600');
    writeFileSync(own.at('template'), '{"containerSet":{"containers":[{"name":"main","dependencies":["first"]}]}}');
    await own.sh('first', 'exit 3');
    await own.sh('main', 'exit 0');
    const record = await waitFor(subject, own.pod, 'main');
    expect(record).toMatchObject({ exitCode: 65, message: expect.stringContaining('"first"') });
    const { containers } = await unary(subject.client, 'listContainers', {}, of(own.pod));
    expect(containers.find(({ name }) => name === 'main')?.reason).toBe('DEPENDENCY_FAILED');
  });

  test('an emissary that was killed: the runtime tells the end', async () => {
    const own = await SupervisedPod.make(subject);
    const main = await own.sh('main', 'echo up; exec sleep 600');
    await expect.poll(() => existsSync(own.at('ctr/main/combined')), { timeout: 20_000 }).toBe(true);
    await main.signal('SIGKILL');
    const record = await waitFor(subject, own.pod, 'main');
    expect(record).toMatchObject({ exitCode: 137, exitKnown: true });
    expect(record.source).not.toBe('emissary');
    expect(existsSync(own.at('ctr/main/exitcode'))).toBe(false);
  });

  test('a command that forges its end is believed until the runtime tells another; the record says the truth then', async () => {
    const own = await SupervisedPod.make(subject);
    const main = await own.sh('main', 'echo -n 0 > /var/run/argo/ctr/main/exitcode; exec sleep 600');
    expect(await waitFor(subject, own.pod, 'main')).toMatchObject({ exitCode: 0, source: 'emissary' });
    await main.signal('SIGKILL');
    await expect.poll(() => recordOf(subject, own.pod.uid).exitCode, { timeout: 20_000 }).toBe(137);
    expect(await waitFor(subject, own.pod, 'main')).toMatchObject({ exitCode: 137 });
    await expect.poll(() => subject.logLines.join(''), { timeout: 5_000 }).toContain('has another exit code');
  });

  test('what an earlier attempt has left is not the next one’s', async () => {
    const own = await SupervisedPod.make(subject);
    await own.sh('main', 'echo first; exit 4');
    expect(await waitFor(subject, own.pod, 'main')).toMatchObject({ restartCount: 0, exitCode: 4 });
    // In the same second, and its emissary never begins: its command is not there.
    const next = await own.run('main', ['/bin/sleep', '600'], { restartCount: 1 });
    const state = async () =>
      (await unary(subject.client, 'listContainers', {}, of(own.pod))).containers.map((one) => [
        one.restartCount,
        one.state,
      ]);
    await expect.poll(state, { timeout: 20_000 }).toEqual([[1, 'CONTAINER_STATE_RUNNING']]);
    await next.signal('SIGKILL');
    expect(await waitFor(subject, own.pod, 'main')).toMatchObject({ restartCount: 1, exitCode: 137 });
  });

  test('a container without an emissary: waited for by its source, and no signal is said to have been sent', async () => {
    const pod = await subject.pod();
    const main = await pod.run({ name: 'main', command: ['/bin/sleep', '600'] });
    await expect.poll(() => failure(unary(subject.client, 'getInfo', {}, of(pod))), { timeout: 20_000 }).toBe('OK');
    const kill = unary(subject.client, 'kill', { containers: ['main'], gracePeriod: { seconds: 1 } }, of(pod));
    expect(await failure(kill)).toBe('9 NOT_SUPERVISED');
    await main.signal('SIGKILL');
    expect(await waitFor(subject, pod, 'main')).toMatchObject({ exitCode: 137 });
  });
});

describe('ends where containers are held', () => {
  let subject: Subject;
  beforeAll(async () => {
    subject = await openSubject(emissaryOnDocker(['emissary.hold=true']));
  }, 600_000);
  afterAll(async () => await subject?.close());

  test('a forged end counts for nothing, and the container can still be killed', async () => {
    const own = await SupervisedPod.make(subject);
    await own.sh('main', 'echo -n 0 > /var/run/argo/ctr/main/exitcode; echo forged; exec sleep 600');
    await expect.poll(() => existsSync(own.at('ctr/main/exitcode')), { timeout: 20_000 }).toBe(true);
    const state = async () =>
      (await unary(subject.client, 'listContainers', {}, of(own.pod))).containers.map((one) => one.state);
    await expect.poll(state, { timeout: 20_000 }).toEqual(['CONTAINER_STATE_RUNNING']);
    const request = { containers: ['main'], gracePeriod: { seconds: 0 } };
    const { outcomes } = await unary(subject.client, 'kill', request, of(own.pod));
    expect(outcomes).toMatchObject([{ result: 'KILL_RESULT_FORCED', finalRecord: { exitCode: 137, signal: 9 } }]);
  });

  test('the agent announces itself in a volume that is an emissary’s, and lets its containers go', async () => {
    const own = await SupervisedPod.make(subject);
    await own.sh('first', 'exec sleep 600');
    await expect.poll(() => existsSync(own.at('agent')), { timeout: 20_000 }).toBe(true);
    expect(readFileSync(own.at('agent'), 'utf8')).toBe('5000');
    await own.sh('main', 'exit 2');
    expect(await waitFor(subject, own.pod, 'main')).toMatchObject({ exitCode: 2 });
    expect(existsSync(own.at('ctr/main/collected'))).toBe(true);
  });
});
