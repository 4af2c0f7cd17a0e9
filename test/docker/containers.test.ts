import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { becomes } from '../node/processes.ts';
import { exclusiveEngine } from './exclusive-engine.ts';
import { FedStore, LabelledPod } from './test-pod.ts';

function podOf({ uid, namespace, name }: LabelledPod) {
  return { uid, namespace, name };
}

describe('the docker executor watches containers', () => {
  let engine: Awaited<ReturnType<typeof exclusiveEngine>>;
  let fed: FedStore;
  let pod: LabelledPod;

  beforeAll(async () => {
    engine = await exclusiveEngine();
  });
  afterAll(async () => {
    await engine.close();
  });
  beforeEach(async () => {
    fed = await new FedStore(engine.socketPath, 300).start();
    pod = new LabelledPod(engine.docker);
  });
  afterEach(async () => {
    await fed.close();
    await pod.remove();
  });

  it.each([
    ['exit 0', 0, 'Completed'],
    ['exit 1', 1, 'Error'],
    ['exit 64', 64, 'Error'],
    ['kill -KILL $$', 137, 'Error'],
    ['kill -TERM $$', 143, 'Error'],
  ])('%s', async (script, exitCode, reason) => {
    // The first process of a pid namespace is deaf to its own signals, so that a child has to be killed.
    await pod.sh('main', script.startsWith('kill') ? `sh -c '${script}'; exit $?` : script);
    const ended = await fed.ended(pod.uid, 'main');
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
    const container = await pod.run('main', ['sleep', '600']);
    await fed.until(pod.uid, 'main', ({ state }) => state === 'running');
    await container.kill({ signal: 'SIGKILL' });
    expect((await fed.ended(pod.uid, 'main')).exit).toMatchObject({ exitCode: 137, oomKilled: false });
  });

  it('sees want of memory', async () => {
    await pod.sh('main', 'x=a; while :; do x=$x$x; done', {
      HostConfig: { Memory: 16 << 20, MemorySwap: 16 << 20 },
    });
    expect(await fed.ended(pod.uid, 'main')).toMatchObject({
      reason: 'OOMKilled',
      exit: { exitCode: 137, oomKilled: true },
    });
  });

  it('misses none of many containers that live for a millisecond', async () => {
    const names = Array.from({ length: 12 }, (_, index) => `short-${index}`);
    await Promise.all(names.map((name, index) => pod.sh(name, `exit ${index}`)));
    const codes = await Promise.all(names.map(async (name) => (await fed.ended(pod.uid, name)).exit?.exitCode));
    expect(codes).toEqual(names.map((_, index) => index));
  });

  it('knows the exit of a container that is removed by itself at its end', async () => {
    const { id } = await pod.run('main', ['sh', '-c', 'exit 7'], { HostConfig: { AutoRemove: true } });
    const ended = await fed.ended(pod.uid, 'main');
    expect(ended).toMatchObject({ id, state: 'exited', exit: { exitCode: 7 } });
    expect(await becomes(async () => fed.store.pod(pod.uid) === undefined, 30_000)).toBe(true);
  });

  it('waits for a container that is created, and sees that its start failed', async () => {
    const container = await pod.create('main', ['/nonexistent']);
    expect(await fed.until(pod.uid, 'main', () => true)).toMatchObject({ state: 'waiting' });
    await expect(container.start()).rejects.toThrow();
    const ended = await fed.ended(pod.uid, 'main');
    expect(ended).toMatchObject({ state: 'exited', reason: 'ContainerCannotRun', exit: { exitCode: 127 } });
    expect(ended.exit?.message).toContain('/nonexistent');
    expect(ended.startedAt).toBeUndefined();
  });

  it('calls a container unknown that was removed before it was started', async () => {
    const container = await pod.create('main', ['true']);
    await fed.until(pod.uid, 'main', ({ state }) => state === 'waiting');
    await container.remove();
    expect((await fed.ended(pod.uid, 'main')).exit?.unknownReason).toMatch(/before it was started/);
  });

  it('knows the exit of a container that is removed by force while it is awaited', async () => {
    const container = await pod.run('main', ['sleep', '600']);
    await fed.until(pod.uid, 'main', ({ state }) => state === 'running');
    await container.remove({ force: true });
    expect((await fed.ended(pod.uid, 'main')).exit).toMatchObject({ exitCode: 137 });
  });

  it('counts a container that is made again as a further attempt', async () => {
    const first = await pod.sh('main', 'exit 3');
    await fed.ended(pod.uid, 'main');
    await first.remove();
    await pod.run('main', ['sleep', '600']);
    const second = await fed.until(pod.uid, 'main', ({ id, state }) => id !== first.id && state === 'running');
    expect(second.restartCount).toBe(1);
    expect(fed.store.container(pod.uid, 'main')?.id).toBe(second.id);
    expect(fed.store.byId(pod.uid, first.id)?.exit?.exitCode).toBe(3);
  });

  it("takes the kubelet's restart count where there is one", async () => {
    await pod.run('main', ['sleep', '600'], { Labels: { 'annotation.io.kubernetes.container.restartCount': '4' } });
    expect((await fed.until(pod.uid, 'main', () => true)).restartCount).toBe(4);
  });

  it('tells each exit of a container that docker itself restarts, then its next attempt', async () => {
    const container = await pod.run('main', ['sh', '-c', 'sleep 0.3; exit 5'], {
      HostConfig: { RestartPolicy: { Name: 'on-failure', MaximumRetryCount: 2 } },
    });
    await fed.until(pod.uid, 'main', ({ state, restartCount }) => state === 'exited' && restartCount === 2);
    const told = fed.told(pod.uid, 'main').filter(({ state }) => state !== 'waiting');
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
    const container = await pod.sh('main', 'exit 5');
    await fed.ended(pod.uid, 'main');
    await container.start();
    expect(
      (await fed.until(pod.uid, 'main', ({ restartCount, state }) => restartCount === 1 && state === 'exited')).exit
        ?.exitCode,
    ).toBe(5);
  });

  it('finds what was there before it, and shows the sandbox as no container', async () => {
    await pod.run('sandbox', ['sleep', '600'], { Labels: { 'io.kubernetes.docker.type': 'podsandbox', app: 'x' } });
    await pod.sh('done', 'exit 9');
    await pod.run('live', ['sleep', '600']);
    const later = await new FedStore(engine.socketPath).start();
    try {
      expect(later.store.containers(pod.uid).map(({ name, state, exit }) => [name, state, exit?.exitCode])).toEqual([
        ['done', 'exited', 9],
        ['live', 'running', undefined],
      ]);
      expect(later.store.pod(pod.uid)).toEqual({ ...podOf(pod), labels: { app: 'x' } });
    } finally {
      await later.close();
    }
  });

  it('takes no container for one of a pod whose labels are no names', async () => {
    const odd = await pod.run('x/../y', ['sleep', '600']);
    const uid = await pod.run('main', ['sleep', '600'], { Labels: { 'io.kubernetes.pod.uid': '../../etc' } });
    await pod.run('good', ['sleep', '600']);
    await fed.until(pod.uid, 'good', () => true);
    const later = await new FedStore(engine.socketPath).start();
    try {
      for (const container of [odd, uid]) expect(later.store.find(container.id)).toBeUndefined();
      expect(later.store.containers(pod.uid).map(({ name }) => name)).toEqual(['good']);
    } finally {
      await later.close();
    }
  });

  it("takes no label of an image for the container's own", async () => {
    const victim = new LabelledPod(engine.docker);
    await victim.run('main', ['sleep', '600']);
    const labels = {
      'io.kubernetes.pod.uid': victim.uid,
      'io.kubernetes.pod.name': victim.name,
      'io.kubernetes.pod.namespace': victim.namespace,
      'io.kubernetes.container.name': 'main',
      'podhand.dev/container-kind': 'sidecar',
    };
    const source = await pod.create('source', ['true']);
    const changes = Object.entries(labels).map(([key, value]) => `LABEL ${key}=${value}`);
    await source.commit({ repo: 'podhand-test/liar', tag: pod.uid, changes: changes.join('\n') });
    const image = `podhand-test/liar:${pod.uid}`;
    try {
      // One that the victim's labels are left on, one that is in a pod of its own, one that is gone before the look.
      const posing = await engine.docker.createContainer({ Image: image, Entrypoint: ['sleep', '600'] });
      await posing.start();
      const brief = { Image: image, Entrypoint: ['true'], HostConfig: { NetworkMode: 'none', AutoRemove: true } };
      await (await engine.docker.createContainer(brief)).start();
      await pod.run('own', ['sleep', '600'], { Image: image });
      expect((await fed.until(pod.uid, 'own', () => true)).kind).toBe('regular');
      await pod.sh('last', 'true');
      await fed.ended(pod.uid, 'last');
      expect(fed.store.attempts(victim.uid)).toHaveLength(1);
      await posing.remove({ force: true });
    } finally {
      await pod.remove();
      await victim.remove();
      await engine.docker.getImage(image).remove({ force: true });
    }
  });

  it('knows init containers and sidecars of pods without Kubernetes by a label', async () => {
    await pod.run('proxy', ['sleep', '600'], { Labels: { 'podhand.dev/container-kind': 'sidecar' } });
    expect((await fed.until(pod.uid, 'proxy', () => true)).kind).toBe('sidecar');
  });

  it('forgets a pod some time after its last container, not between two', async () => {
    const first = await pod.sh('main', 'exit 0');
    await fed.ended(pod.uid, 'main');
    await first.remove();
    const second = await pod.sh('main', 'exit 0');
    await second.remove();
    await fed.until(pod.uid, 'main', ({ restartCount, state }) => restartCount === 1 && state === 'exited');
    expect(await becomes(async () => fed.store.pod(pod.uid) === undefined, 30_000)).toBe(true);
    expect(fed.changes.filter(({ type, pod: { uid } }) => type === 'pod-removed' && uid === pod.uid)).toHaveLength(1);
  });

  it('stops feeding when it is told to', async () => {
    const stop = new AbortController();
    stop.abort();
    await expect(fed.containers.feed(fed.store, stop.signal)).rejects.toMatchObject({ name: 'AbortError' });
  });
});
