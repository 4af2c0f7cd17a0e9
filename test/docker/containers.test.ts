import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { becomes } from '../node/processes.ts';
import { EnginePod } from './engine-pod.ts';
import { FedStore, LabelledPod } from './test-pod.ts';

function podOf({ uid, namespace, name }: LabelledPod) {
  return { uid, namespace, name };
}

describe('the docker executor watches containers', () => {
  const on = new EnginePod();
  let fed: FedStore;

  beforeEach(async () => {
    // A busy engine may take a second from one container of a pod to the next.
    fed = await new FedStore(on.node.socketPath, 5_000).start();
  });
  afterEach(async () => {
    await fed.close();
  });

  it.each([
    ['exit 0', 0, 'Completed'],
    ['exit 1', 1, 'Error'],
    ['exit 64', 64, 'Error'],
    ['kill -KILL $$', 137, 'Error'],
    ['kill -TERM $$', 143, 'Error'],
  ])('%s', async (script, exitCode, reason) => {
    // The first process of a pid namespace is deaf to its own signals, so that a child has to be killed.
    await on.pod.sh('main', script.startsWith('kill') ? `sh -c '${script}'; exit $?` : script);
    const ended = await fed.ended(on.pod.uid, 'main');
    expect(ended).toMatchObject({
      state: 'exited',
      reason,
      exit: { exitCode, oomKilled: false, source: 'docker-inspect' },
    });
    expect(ended.exit?.finishedAt?.getTime()).toBeGreaterThanOrEqual(ended.startedAt?.getTime() ?? Number.NaN);
    expect(ended.imageId).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(ended.logPath).toContain(ended.id);
  });

  it('sees SIGKILL from outside as 137', async () => {
    const container = await on.pod.run('main', ['sleep', '600']);
    await fed.until(on.pod.uid, 'main', ({ state }) => state === 'running');
    await container.kill({ signal: 'SIGKILL' });
    expect((await fed.ended(on.pod.uid, 'main')).exit).toMatchObject({ exitCode: 137, oomKilled: false });
  });

  it('sees want of memory', async () => {
    await on.pod.sh('main', 'x=a; while :; do x=$x$x; done', {
      HostConfig: { Memory: 16 << 20, MemorySwap: 16 << 20 },
    });
    expect(await fed.ended(on.pod.uid, 'main')).toMatchObject({
      reason: 'OOMKilled',
      exit: { exitCode: 137, oomKilled: true },
    });
  });

  it('misses none of many containers that live for a millisecond', async () => {
    const names = Array.from({ length: 12 }, (_, index) => `short-${index}`);
    await Promise.all(names.map((name, index) => on.pod.sh(name, `exit ${index}`)));
    const codes = await Promise.all(names.map(async (name) => (await fed.ended(on.pod.uid, name)).exit?.exitCode));
    expect(codes).toEqual(names.map((_, index) => index));
  });

  it('knows the exit of a container that is removed by itself at its end', async () => {
    const { id } = await on.pod.run('main', ['sh', '-c', 'exit 7'], { HostConfig: { AutoRemove: true } });
    const ended = await fed.ended(on.pod.uid, 'main');
    expect(ended).toMatchObject({ id, state: 'exited', exit: { exitCode: 7 } });
    expect(await becomes(async () => fed.store.pod(on.pod.uid) === undefined, 30_000)).toBe(true);
  });

  it('waits for a container that is created, and sees that its start failed', async () => {
    const container = await on.pod.create('main', ['/nonexistent']);
    expect(await fed.until(on.pod.uid, 'main', () => true)).toMatchObject({ state: 'waiting' });
    await expect(container.start()).rejects.toThrow();
    const ended = await fed.ended(on.pod.uid, 'main');
    expect(ended).toMatchObject({ state: 'exited', reason: 'ContainerCannotRun', exit: { exitCode: 127 } });
    expect(ended.exit?.message).toContain('/nonexistent');
    expect(ended.startedAt).toBeUndefined();
  });

  it('calls a container unknown that was removed before it was started', async () => {
    const container = await on.pod.create('main', ['true']);
    await fed.until(on.pod.uid, 'main', ({ state }) => state === 'waiting');
    await container.remove();
    expect((await fed.ended(on.pod.uid, 'main')).exit?.unknownReason).toMatch(/before it was started/);
  });

  it('knows the exit of a container that is removed by force while it is awaited', async () => {
    const container = await on.pod.run('main', ['sleep', '600']);
    await fed.until(on.pod.uid, 'main', ({ state }) => state === 'running');
    await container.remove({ force: true });
    expect((await fed.ended(on.pod.uid, 'main')).exit).toMatchObject({ exitCode: 137 });
  });

  it('counts a container that is made again as a further attempt', async () => {
    const first = await on.pod.sh('main', 'exit 3');
    await fed.ended(on.pod.uid, 'main');
    await first.remove();
    await on.pod.run('main', ['sleep', '600']);
    const second = await fed.until(on.pod.uid, 'main', ({ id, state }) => id !== first.id && state === 'running');
    expect(second.restartCount).toBe(1);
    expect(fed.store.container(on.pod.uid, 'main')?.id).toBe(second.id);
    expect(fed.store.byId(on.pod.uid, first.id)?.exit?.exitCode).toBe(3);
  });

  it("takes the kubelet's restart count where there is one", async () => {
    await on.pod.run('main', ['sleep', '600'], { Labels: { 'annotation.io.kubernetes.container.restartCount': '4' } });
    expect((await fed.until(on.pod.uid, 'main', () => true)).restartCount).toBe(4);
  });

  it('tells each exit of a container that docker itself restarts, then its next attempt', async () => {
    const container = await on.pod.run('main', ['sh', '-c', 'sleep 0.3; exit 5'], {
      HostConfig: { RestartPolicy: { Name: 'on-failure', MaximumRetryCount: 2 } },
    });
    await fed.until(on.pod.uid, 'main', ({ state, restartCount }) => state === 'exited' && restartCount === 2);
    const told = fed.told(on.pod.uid, 'main').filter(({ state }) => state !== 'waiting');
    expect(told.map(({ restartCount, state, exit }) => [restartCount, state, exit?.exitCode])).toEqual([
      [0, 'running', undefined],
      [0, 'exited', 5],
      [1, 'running', undefined],
      [1, 'exited', 5],
      [2, 'running', undefined],
      [2, 'exited', 5],
    ]);
    expect(new Set(told.map(({ id }) => id))).toEqual(new Set([container.id]));
  });

  it('counts a start by hand as a further attempt', async () => {
    const container = await on.pod.sh('main', 'exit 5');
    await fed.ended(on.pod.uid, 'main');
    await container.start();
    expect(
      (await fed.until(on.pod.uid, 'main', ({ restartCount, state }) => restartCount === 1 && state === 'exited')).exit
        ?.exitCode,
    ).toBe(5);
  });

  it('finds what was there before it, and shows the sandbox as no container', async () => {
    await on.pod.run('sandbox', ['sleep', '600'], { Labels: { 'io.kubernetes.docker.type': 'podsandbox', app: 'x' } });
    await on.pod.sh('done', 'exit 9');
    await on.pod.run('live', ['sleep', '600']);
    const later = await new FedStore(on.node.socketPath).start();
    try {
      expect(later.store.containers(on.pod.uid).map(({ name, state, exit }) => [name, state, exit?.exitCode])).toEqual([
        ['done', 'exited', 9],
        ['live', 'running', undefined],
      ]);
      expect(later.store.pod(on.pod.uid)).toEqual({ ...podOf(on.pod), labels: { app: 'x' } });
    } finally {
      await later.close();
    }
  });

  it('takes no container for one of a pod whose labels are no names', async () => {
    const odd = await on.pod.run('x/../y', ['sleep', '600']);
    const uid = await on.pod.run('main', ['sleep', '600'], { Labels: { 'io.kubernetes.pod.uid': '../../etc' } });
    await on.pod.run('good', ['sleep', '600']);
    await fed.until(on.pod.uid, 'good', () => true);
    const later = await new FedStore(on.node.socketPath).start();
    try {
      for (const container of [odd, uid]) expect(later.store.find(container.id)).toBeUndefined();
      expect(later.store.containers(on.pod.uid).map(({ name }) => name)).toEqual(['good']);
    } finally {
      await later.close();
    }
  });

  it("takes no label of an image for the container's own", async () => {
    const victim = new LabelledPod(on.node.docker);
    await victim.run('main', ['sleep', '600']);
    const labels = {
      'io.kubernetes.pod.uid': victim.uid,
      'io.kubernetes.pod.name': victim.name,
      'io.kubernetes.pod.namespace': victim.namespace,
      'io.kubernetes.container.name': 'main',
      'podhand.dev/container-kind': 'sidecar',
    };
    const source = await on.pod.create('source', ['true']);
    const changes = Object.entries(labels).map(([key, value]) => `LABEL ${key}=${value}`);
    await source.commit({ repo: 'podhand-test/liar', tag: on.pod.uid, changes: changes.join('\n') });
    const image = `podhand-test/liar:${on.pod.uid}`;
    try {
      // One that the victim's labels are left on, one that is in a pod of its own, one that is gone before the look.
      const posing = await on.node.docker.createContainer({ Image: image, Entrypoint: ['sleep', '600'] });
      await posing.start();
      const brief = { Image: image, Entrypoint: ['true'], HostConfig: { NetworkMode: 'none', AutoRemove: true } };
      await (await on.node.docker.createContainer(brief)).start();
      await on.pod.run('own', ['sleep', '600'], { Image: image });
      expect((await fed.until(on.pod.uid, 'own', () => true)).kind).toBe('regular');
      await on.pod.sh('last', 'true');
      await fed.ended(on.pod.uid, 'last');
      expect(fed.store.attempts(victim.uid)).toHaveLength(1);
      await posing.remove({ force: true });
    } finally {
      await on.pod.remove();
      await victim.remove();
      await on.node.docker.getImage(image).remove({ force: true });
    }
  });

  it('knows init containers and sidecars of pods without Kubernetes by a label', async () => {
    await on.pod.run('proxy', ['sleep', '600'], { Labels: { 'podhand.dev/container-kind': 'sidecar' } });
    expect((await fed.until(on.pod.uid, 'proxy', () => true)).kind).toBe('sidecar');
  });

  it('forgets a pod some time after its last container, not between two', async () => {
    const first = await on.pod.sh('main', 'exit 0');
    await fed.ended(on.pod.uid, 'main');
    await first.remove();
    const second = await on.pod.sh('main', 'exit 0');
    await second.remove();
    await fed.until(on.pod.uid, 'main', ({ restartCount, state }) => restartCount === 1 && state === 'exited');
    expect(await becomes(async () => fed.store.pod(on.pod.uid) === undefined, 30_000)).toBe(true);
    expect(fed.changes.filter(({ type, pod: { uid } }) => type === 'pod-removed' && uid === on.pod.uid)).toHaveLength(
      1,
    );
  });

  it('stops feeding when it is told to', async () => {
    const stop = new AbortController();
    stop.abort();
    await expect(fed.containers.feed(fed.store, stop.signal)).rejects.toMatchObject({ name: 'AbortError' });
  });
});
