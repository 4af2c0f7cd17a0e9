import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { exitsWith, runsOutOfMemory } from '../programs/endings.ts';
import { startEngine } from './docker-engine.ts';
import { DockerRuntime } from './docker-runtime.ts';
import { knownPods } from './leftovers.ts';
import { cgroupDirs, cgroupHierarchies, mountsBelow } from './mounts.ts';
import { NamespaceRuntime } from './namespace-runtime.ts';
import type { TestContainer, TestPod, TestRuntime } from './pods.ts';
import { becomes, isAlive } from './processes.ts';

const runtimes = {
  docker: async (): Promise<TestRuntime> => DockerRuntime.open((await startEngine()).docker),
  namespaces: async (): Promise<TestRuntime> => NamespaceRuntime.open(),
};

describe.each(Object.entries(runtimes))('pods of %s', (_, open) => {
  let runtime: TestRuntime;
  let pod: TestPod;

  beforeAll(async () => {
    runtime = await open();
    pod = await runtime.pod({ sandbox: true });
  });
  afterAll(async () => runtime?.close());

  test.each([0, 1, 64])('exit with %i', async (code) => {
    const container = await pod.run({ name: `exits-${code}`, command: exitsWith(code) });
    expect(await container.exited()).toEqual({ exitCode: code });
  });

  test('end by a signal', async () => {
    const container = await pod.run({ name: 'killed', command: ['sleep', '1000'] });
    await container.signal('SIGKILL');
    expect(await container.exited()).toEqual({ exitCode: 137 });
    await container.signal('SIGKILL');
  });

  test('run out of memory', async () => {
    const container = await pod.run({ name: 'oom', command: runsOutOfMemory, memoryBytes: 32 << 20 });
    expect(await container.exited()).toEqual({ exitCode: 137 });
  });

  test('have an image without a shell, and start nothing that is not there', async () => {
    const container = await pod.run({ name: 'scratch', image: 'scratch', command: ['/bin/echo', 'no shell'] });
    expect(await container.exited()).toEqual({ exitCode: 0 });
    expect(await logOf(container)).toContain('no shell');
    await expect(pod.run({ name: 'shell', image: 'scratch', command: ['/bin/sh'] })).rejects.toThrow();
  });

  test('have cgroups of their own in every hierarchy', async () => {
    const container = await pod.run({ name: 'sleeps', command: ['sleep', '1000'] });
    const lines = (await readFile(`/proc/${await container.pid()}/cgroup`, 'utf8')).trim().split('\n');
    expect(lines.length).toBe((await cgroupHierarchies()).length);
    for (const line of lines) expect(line).toContain(`${pod.cgroup}/${container.id}`);
  });

  test('run as the user, in the directory, with the variables and mounts that are asked for', async () => {
    await writeFile(join(await pod.volumeDir('shared'), 'note'), 'from the node\n');
    const container = await pod.run({
      name: 'asked',
      command: [
        'sh',
        '-c',
        'id -u; id -g; pwd; echo "$GREETING"; cat /shared/note; touch /shared/no; echo "$?"; touch /own/yes',
      ],
      user: '1234:2345',
      workingDir: '/home/user',
      env: { GREETING: 'hello' },
      volumes: [
        { volume: 'shared', mountPath: '/shared', readOnly: true },
        { volume: 'own', mountPath: '/own', kind: 'tmpfs' },
      ],
    });
    expect(await container.exited()).toEqual({ exitCode: 0 });
    const log = await logOf(container);
    for (const said of ['1234', '2345', '/home/user', 'hello', 'from the node', 'Read-only', '1'])
      expect(log).toContain(said);
  });

  test('are created and started in two steps', async () => {
    const container = await pod.run({ name: 'twice', command: ['echo', 'started'], start: false, restartCount: 3 });
    await container.start();
    expect(await container.exited()).toEqual({ exitCode: 0 });
    expect(await logOf(container)).toContain('started');
  });

  test('run Node with this checkout, and a program beside the first', async () => {
    const command = ['sh', '-c', 'node -p "require(\'/podhand/package.json\').name"; sleep 1000'];
    const container = await pod.run({ name: 'node', image: 'node', checkout: true, socketDir: true, command });
    expect(
      await becomes(async () => (await readFile(await container.logPath(), 'utf8')).includes('podhand'), 30_000),
    ).toBe(true);
    const { exitCode, stdout } = await container.exec(['readlink', '/proc/1/exe']);
    expect([exitCode, stdout.toString()]).toEqual([0, '/bin/busybox\n']);
    expect((await stat(pod.socketDir)).isDirectory()).toBe(true);
  });

  test('leave nothing behind', async () => {
    const container = await pod.run({
      name: 'leaves',
      command: ['sh', '-c', 'mkdir /v/$(printf "\\377"); touch /v/a /s/b; echo made; sleep 1000'],
      volumes: [
        { volume: 'v', mountPath: '/v' },
        { volume: 's', mountPath: '/s', kind: 'secret' },
      ],
    });
    const pid = await container.pid();
    const log = await container.logPath();
    const dirs = [join(runtime.kubeletDir, 'pods', pod.uid), pod.socketDir];
    expect(await becomes(async () => (await readFile(log, 'utf8')).includes('made'), 30_000)).toBe(true);
    expect(await mountsBelow(dirs[0] ?? '')).toHaveLength(1);
    await pod.remove();
    expect(await isAlive(pid)).toBe(false);
    expect(await cgroupDirs(pod.cgroup)).toEqual([]);
    expect((await knownPods()).filter(({ uid }) => uid === pod.uid)).toEqual([]);
    for (const dir of [...dirs, log]) {
      expect(await mountsBelow(dir)).toEqual([]);
      await expect(stat(dir)).rejects.toThrow('ENOENT');
    }
  });
});

/** The end of a container may be known before its last output is in the file. */
async function logOf(container: TestContainer): Promise<string> {
  const path = await container.logPath();
  await becomes(async () => (await stat(path)).size > 0, 10_000);
  return await readFile(path, 'utf8');
}
