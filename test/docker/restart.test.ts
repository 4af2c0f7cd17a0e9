import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DockerSignal } from '../../src/agent/executors/docker/docker-signal.ts';
import { DockerLogs } from '../../src/agent/executors/docker/logs/docker-logs.ts';
import { becomes } from '../node/processes.ts';
import { EnginePod } from './engine-pod.ts';
import { SocketProxy } from './socket-proxy.ts';
import { containerOf, FedStore } from './test-pod.ts';

const never = new AbortController().signal;
const connects = (fed: FedStore, connected: boolean) =>
  becomes(async () => fed.containers.connected === connected, 30_000);

describe('the docker executor survives its engine', () => {
  const on = new EnginePod();
  let fed: FedStore;

  beforeEach(async () => {
    fed = await new FedStore(on.node.socketPath).start();
  });
  afterEach(async () => {
    await fed.close();
  });

  it('waits on over a restart, for an end before, during and after it', async () => {
    for (const [name, script] of Object.entries({
      during: 'trap "exit 21" USR1; while :; do sleep 0.05; done',
      after: 'trap "exit 22" USR1; while :; do sleep 0.05; done',
    })) {
      await on.pod.run(name, ['/bin/sh', '-c', script]);
    }
    await on.pod.sh('before', 'exit 20');
    await on.pod.create('waiting', ['/bin/sh', '-c', 'exit 23']);
    const during = await fed.until(on.pod.uid, 'during', ({ state }) => state === 'running');
    const after = await fed.until(on.pod.uid, 'after', ({ state }) => state === 'running');
    await fed.until(on.pod.uid, 'waiting', ({ state }) => state === 'waiting');
    const pid = (await on.node.docker.getContainer(during.id).inspect()).State.Pid;
    await on.node.own.suspend({ keepContainers: true });
    expect(await connects(fed, false)).toBe(true);
    await expect(new DockerSignal(fed.engine).send(after, 15, never)).rejects.toMatchObject({
      reason: 'RUNTIME_UNAVAILABLE',
    });
    process.kill(pid, 'SIGUSR1');
    await on.node.own.resume();
    expect((await fed.ended(on.pod.uid, 'during')).exit).toMatchObject({ exitCode: 21 });
    expect(fed.store.byId(on.pod.uid, after.id)?.state).toBe('running');
    await new DockerSignal(fed.engine).send(after, 10, never);
    expect((await fed.ended(on.pod.uid, 'after')).exit).toMatchObject({ exitCode: 22 });
    expect((await fed.ended(on.pod.uid, 'before')).exit).toMatchObject({ exitCode: 20 });
    const waiting = fed.store.container(on.pod.uid, 'waiting');
    await on.node.docker.getContainer(waiting?.id ?? '').start();
    expect((await fed.ended(on.pod.uid, 'waiting')).exit).toMatchObject({ exitCode: 23 });
    const told = fed.told(on.pod.uid, 'after').map(({ state }) => state);
    expect(told.filter((state) => state !== 'waiting')).toEqual(['running', 'exited']);
  });

  it('sees how a container ended with a killed engine', async () => {
    await on.pod.run('main', ['sleep', '600']);
    await fed.until(on.pod.uid, 'main', ({ state }) => state === 'running');
    await on.node.own.restart({ signal: 'SIGKILL', keepContainers: false });
    const ended = await fed.ended(on.pod.uid, 'main');
    expect(ended).toMatchObject({ state: 'exited', exit: { exitCode: 137 } });
  });

  it.each([
    ['knows the exit of a container that was removed while it could not watch', false],
    ['calls it unknown where the engine has forgotten that too', true],
  ])('%s', async (_name, restarted) => {
    const proxy = new SocketProxy(`${on.node.socketPath}.proxy`, on.node.socketPath);
    await proxy.mend();
    const cut = await new FedStore(proxy.path).start();
    try {
      const container = await on.pod.run('main', ['sleep', '600']);
      await on.pod.run('marker', ['sleep', '600']);
      await cut.until(on.pod.uid, 'main', ({ state }) => state === 'running');
      await cut.until(on.pod.uid, 'marker', ({ state }) => state === 'running');
      proxy.cut();
      expect(await connects(cut, false)).toBe(true);
      await container.remove({ force: true });
      if (restarted) await on.node.own.restart({ keepContainers: true });
      await proxy.mend();
      const ended = await cut.ended(on.pod.uid, 'main');
      if (!restarted) expect(ended).toMatchObject({ state: 'exited', exit: { exitCode: 137 } });
      else
        expect(ended).toMatchObject({
          state: 'unknown',
          exit: { unknownReason: expect.stringMatching(/removed before its exit was seen/) },
        });
      expect(cut.store.container(on.pod.uid, 'marker')?.state).toBe('running');
    } finally {
      await cut.close();
      proxy.cut();
    }
  });

  it('follows a log over a restart without loss or repetition', async () => {
    const container = await on.pod.run('main', [
      '/bin/sh',
      '-c',
      'i=0; trap "exit 0" USR1; while :; do echo $i; [ $((i%3)) = 0 ] && echo "e$i" >&2; i=$((i+1)); sleep 0.02; done',
    ]);
    const seen = { stdout: '', stderr: '' };
    const followed = (async () => {
      const options = { follow: true, timestamps: false };
      for await (const { stream, data } of new DockerLogs(fed.engine).read(
        containerOf(on.pod, container.id),
        options,
        never,
      )) {
        seen[stream] += data.toString();
      }
    })();
    expect(await becomes(async () => seen.stdout.includes('10\n'), 30_000)).toBe(true);
    await on.node.own.restart({ keepContainers: true });
    await on.node.own.restart({ signal: 'SIGKILL', keepContainers: true });
    const soFar = seen.stdout.length;
    expect(await becomes(async () => seen.stdout.length > soFar + 100, 30_000)).toBe(true);
    await container.kill({ signal: 'SIGUSR1' });
    await followed;
    const numbers = seen.stdout.trim().split('\n').map(Number);
    expect(numbers).toEqual(numbers.map((_, index) => index));
    expect(seen.stderr).toBe(
      numbers
        .filter((n) => n % 3 === 0)
        .map((n) => `e${n}\n`)
        .join(''),
    );
  });

  it('gives up on an engine that is away before the log was begun, and on a caller that has gone', async () => {
    const container = await on.pod.run('main', ['/bin/sh', '-c', 'echo x; sleep 600']);
    const logs = new DockerLogs(fed.engine);
    const stop = new AbortController();
    const followed = logs
      .read(containerOf(on.pod, container.id), { follow: true, timestamps: false }, stop.signal)
      [Symbol.asyncIterator]();
    await followed.next();
    await on.node.own.suspend({ keepContainers: true });
    const next = followed.next();
    const fresh = logs
      .read(containerOf(on.pod, container.id), { follow: true, timestamps: false }, never)
      [Symbol.asyncIterator]();
    await expect(fresh.next()).rejects.toMatchObject({ reason: 'RUNTIME_UNAVAILABLE' });
    stop.abort();
    await expect(next).rejects.toMatchObject({ name: 'AbortError' });
    await on.node.own.resume();
  });

  it('waits for an engine that is not there yet', async () => {
    await on.pod.run('main', ['sleep', '600']);
    await on.node.own.suspend({ keepContainers: true });
    const later = new FedStore(on.node.socketPath);
    const started = later.start();
    await on.node.own.resume();
    await started;
    expect(later.store.container(on.pod.uid, 'main')?.state).toBe('running');
    expect(later.containers.connected).toBe(true);
    await later.close();
  });
});
