import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Engine } from '../../src/agent/executors/docker/engine.ts';
import { DockerContainers } from '../../src/agent/executors/docker/watch/containers.ts';
import type { LogChunk } from '../../src/agent/executors/roles.ts';
import type { Container } from '../../src/agent/pods/model.ts';
import { startEngine } from '../node/docker-engine.ts';
import { DockerRuntime } from '../node/docker-runtime.ts';
import type { ContainerSpec, TestContainer, TestPod } from '../node/pods.ts';
import { PnsNode, silent } from './pns-node.ts';

const never = new AbortController().signal;

describe('the pns executor, names from a docker engine', () => {
  let engine: Awaited<ReturnType<typeof startEngine>>;
  let runtime: DockerRuntime;
  let client: Engine;
  let node: PnsNode;
  let pod: TestPod;
  let dockerLogs: string;

  beforeAll(async () => {
    engine = await startEngine();
    runtime = await DockerRuntime.open(engine.docker);
    dockerLogs = join((await engine.docker.info()).DockerRootDir, 'containers');
  });
  afterAll(async () => {
    await runtime?.close();
    await engine?.close();
  });
  beforeEach(async () => {
    client = new Engine(engine.socketPath);
    node = await byEngine(client).start();
    pod = await runtime.pod();
  });
  afterEach(async () => {
    await pod.remove();
    node.stop();
    await client.close();
  });

  function byEngine(own: Engine): PnsNode {
    const containers = new DockerContainers(own, silent, 60_000);
    return new PnsNode({ name: 'docker', containers, tellsEnd: true, reusesIds: true }, { docker: dockerLogs });
  }

  function sh(name: string, script: string, spec: Partial<ContainerSpec> = {}): Promise<TestContainer> {
    return pod.run({ name, command: ['/bin/sh', '-c', script], ...spec });
  }

  function logs(container: Container, follow = false): AsyncIterable<LogChunk> {
    if (node.executor.logs === undefined) throw new Error('no logs role');
    return node.executor.logs.read(container, { follow, timestamps: false }, never);
  }

  async function output(chunks: AsyncIterable<LogChunk>): Promise<{ stdout: Buffer; stderr: Buffer }> {
    const parts: LogChunk[] = [];
    for await (const chunk of chunks) parts.push(chunk);
    const of = (name: string) => Buffer.concat(parts.filter(({ stream }) => stream === name).map(({ data }) => data));
    return { stdout: of('stdout'), stderr: of('stderr') };
  }

  it.each([
    ['exit 0', 0, 'Completed'],
    ['exit 1', 1, 'Error'],
    ['exit 64', 64, 'Error'],
  ])('%s, told once', async (script, exitCode, reason) => {
    await sh('main', `sleep 0.5; ${script}`);
    const ended = await node.ended(pod.uid, 'main');
    expect(ended).toMatchObject({ state: 'exited', reason, exit: { exitCode, oomKilled: false, source: 'pidfd' } });
    expect(ended.image).not.toBe('');
    // Until docker has said the same.
    await node.until(pod.uid, 'main', ({ id }) => node.held.get(id)?.exit !== undefined);
    const states = node.told(pod.uid, 'main').map(({ state }) => state);
    expect(states.indexOf('exited')).toBe(states.lastIndexOf('running') + 1);
    const codes = node.told(pod.uid, 'main').flatMap(({ exit }) => (exit === undefined ? [] : [exit.exitCode]));
    expect(new Set(codes)).toEqual(new Set([exitCode]));
  });

  it('tells SIGKILL from exit 137', async () => {
    const container = await sh('main', 'sleep 600');
    await node.until(pod.uid, 'main', ({ state }) => state === 'running');
    await container.signal('SIGKILL');
    expect((await node.ended(pod.uid, 'main')).exit).toMatchObject({ exitCode: 137, signal: 9, oomKilled: false });
  });

  it('sees want of memory', async () => {
    await sh('main', 'x=a; while :; do x=$x$x; done', { memoryBytes: 16 << 20 });
    expect(await node.ended(pod.uid, 'main')).toMatchObject({
      reason: 'OOMKilled',
      exit: { exitCode: 137, oomKilled: true },
    });
  });

  it('knows containers that end at once', async () => {
    for (let round = 1; round < 6; round++) await sh(`quick-${round}`, `echo ${round}; exit ${round}`);
    for (let round = 1; round < 6; round++) {
      const ended = await node.ended(pod.uid, `quick-${round}`);
      expect(ended).toMatchObject({ state: 'exited', exit: { exitCode: round } });
      expect((await output(logs(ended))).stdout.toString()).toBe(`${round}\n`);
    }
  });

  it("has docker's word for a command that cannot be run", async () => {
    await pod.run({ name: 'main', command: ['/no/such/program'] }).catch(() => undefined);
    const ended = await node.ended(pod.uid, 'main');
    expect(ended).toMatchObject({
      state: 'exited',
      reason: 'ContainerCannotRun',
      exit: { exitCode: 127, source: 'docker-inspect' },
    });
    expect(ended.exit?.message).toContain('/no/such/program');
    expect(node.told(pod.uid, 'main').map(({ exit }) => exit?.exitCode)).not.toContain(1);
  });

  it('shows a container that was never started as waiting', async () => {
    const container = await sh('main', 'exit 3', { start: false });
    const waiting = await node.until(pod.uid, 'main', ({ state }) => state === 'waiting');
    await expect(node.executor.files?.open(waiting, never)).rejects.toMatchObject({ reason: 'CONTAINER_NOT_STARTED' });
    await expect(output(logs(waiting))).rejects.toMatchObject({ reason: 'CONTAINER_NOT_STARTED' });
    const reading = output(logs(waiting, true));
    await container.start();
    expect(await node.ended(pod.uid, 'main')).toMatchObject({ exit: { exitCode: 3 } });
    expect((await reading).stdout.length).toBe(0);
  });

  it('counts a restart under the same id as another attempt', async () => {
    const container = await sh(
      'main',
      'n=$(cat /n 2>/dev/null || echo 0); echo $((n+1)) > /n; sleep 0.4; exit $((n+3))',
    );
    expect(await node.ended(pod.uid, 'main')).toMatchObject({ restartCount: 0, exit: { exitCode: 3 } });
    // The kernel tells of the end before docker knows of it, and docker starts nothing that it thinks is running.
    await container.exited();
    await engine.docker.getContainer(container.id).start();
    const again = await node.until(pod.uid, 'main', ({ restartCount }) => restartCount === 1);
    expect(again.id).toBe(container.id);
    const ended = await node.until(pod.uid, 'main', (one) => one.restartCount === 1 && one.state === 'exited');
    expect(ended).toMatchObject({ exit: { exitCode: 4, source: 'pidfd' } });
    const states = node.told(pod.uid, 'main').map((one) => `${one.restartCount} ${one.state}`);
    expect(states.filter((state, at) => state !== states[at - 1])).toEqual(
      expect.arrayContaining(['0 running', '0 exited', '1 running', '1 exited']),
    );
    expect(states.lastIndexOf('0 exited')).toBeLessThan(states.indexOf('1 running'));
  });

  it("reads what docker's own logs have, of any bytes, from docker's file", async () => {
    const script =
      'printf "caf\\303\\251 \\033[1m \\t \\\\ \\" <&>\\r\\n\\377\\376 bad\\n\\360\\237\\230\\200\\n"; echo err >&2; ' +
      'head -c 200000 /dev/zero | tr "\\0" x; echo; sh -c "exit 3"; head -c 300000 /dev/urandom; printf end';
    await sh('main', script);
    const ended = await node.ended(pod.uid, 'main');
    const ours = await output(logs(ended));
    const theirs = await engine.docker.getContainer(ended.id).logs({ stdout: true, stderr: false, follow: false });
    expect(ours.stdout.equals(withoutFrames(theirs))).toBe(true);
    expect(ours.stderr.toString()).toBe('err\n');
  });

  it('reads the output of a terminal', async () => {
    await sh('main', 'echo out; echo err >&2; test -t 1 && echo tty', { tty: true });
    const ended = await node.ended(pod.uid, 'main');
    const { stdout, stderr } = await output(logs(ended));
    expect(stdout.toString()).toBe('out\r\nerr\r\ntty\r\n');
    expect(stderr.length).toBe(0);
  });

  it('has all output as soon as the end is known, though a grandchild holds it open', async () => {
    await sh('main', 'for i in 1 2 3 4 5; do echo $i; done; sleep 600 & exit 5');
    const ended = await node.ended(pod.uid, 'main');
    expect((await output(logs(ended))).stdout.toString()).toBe('1\n2\n3\n4\n5\n');
  });

  it('knows from docker how containers ended before it started', async () => {
    await (await sh('before', 'echo hello; exit 9')).exited();
    await sh('running', 'sleep 600');
    await node.until(pod.uid, 'running', ({ state }) => state === 'running');
    node.stop();
    const own = new Engine(engine.socketPath);
    const late = await byEngine(own).start();
    try {
      expect(late.store.container(pod.uid, 'before')).toMatchObject({
        state: 'exited',
        exit: { exitCode: 9, source: 'docker-inspect' },
      });
      const running = late.store.container(pod.uid, 'running') as Container;
      expect(running.state).toBe('running');
      expect(await late.executor.signal?.send(running, 9, never)).toBe('sent');
      expect((await late.ended(pod.uid, 'running')).exit).toMatchObject({ exitCode: 137, signal: 9 });
    } finally {
      late.stop();
      await own.close();
    }
  });

  it('forgets a removed container only with its pod', async () => {
    const container = await sh('main', 'sleep 0.2; exit 6');
    await node.ended(pod.uid, 'main');
    await container.remove();
    expect(node.store.container(pod.uid, 'main')).toMatchObject({ state: 'exited', exit: { exitCode: 6 } });
  });
});

/** The engine's stream has a header of eight bytes before each piece of output. */
function withoutFrames(stream: Buffer): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at < stream.length; ) {
    const size = stream.readUInt32BE(at + 4);
    parts.push(stream.subarray(at + 8, at + 8 + size));
    at += 8 + size;
  }
  return Buffer.concat(parts);
}
