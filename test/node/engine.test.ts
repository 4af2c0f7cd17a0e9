import { afterAll, beforeAll, expect, test } from 'vitest';
import { endsOnTerm } from '../programs/endings.ts';
import { startEngine, startOwnEngine } from './docker-engine.ts';
import { DockerRuntime } from './docker-runtime.ts';
import { cgroupDirs, mountsBelow } from './mounts.ts';
import { isAlive, pidsWhere } from './processes.ts';

const name = 'self-test';
let engine: Awaited<ReturnType<typeof startOwnEngine>>;

beforeAll(async () => {
  engine = await startOwnEngine(name);
});
afterAll(async () => engine?.own.forget());

test('the shared engine answers, and asking again gives the same one', async () => {
  const [one, other] = await Promise.all([startEngine(), startEngine()]);
  expect(one.socketPath).toBe(other.socketPath);
  expect((await one.docker.info()).OSType).toBe('linux');
});

test.each(['SIGTERM', 'SIGKILL'] as const)(
  'containers outlive a dockerd that ends by %s, if they are to',
  async (signal) => {
    const runtime = await DockerRuntime.open(engine.docker);
    const pod = await runtime.pod();
    const container = await pod.run({ name: 'main', command: endsOnTerm(7) });
    const pid = await container.pid();
    const dockerd = await engine.own.pid();

    await engine.own.restart({ signal, keepContainers: true });
    expect(await engine.own.pid()).not.toBe(dockerd);
    expect(await container.pid()).toBe(pid);

    await engine.own.restart({ signal, keepContainers: false });
    expect(await container.exited()).toEqual({ exitCode: 7 });
    expect(await isAlive(pid)).toBe(false);
    await runtime.close();
  },
);

test('an engine that is stopped leaves no process, mount or cgroup', async () => {
  const runtime = await DockerRuntime.open(engine.docker);
  await (await runtime.pod()).run({ name: 'main', command: ['sleep', '1000'] });
  await engine.own.stop();
  expect(await pidsWhere((argv) => argv.some((word) => word.includes(`podhand-test-${name}`)))).toEqual([]);
  expect(await mountsBelow(`/run/podhand-test/${name}`)).toEqual([]);
  expect(await cgroupDirs(`/podhand-test-${name}`)).toEqual([]);

  await engine.own.start();
  expect(await engine.docker.listContainers({ all: true })).toEqual([]);
  await runtime.close();
});
