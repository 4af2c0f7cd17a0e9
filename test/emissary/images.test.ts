import { dirname } from 'node:path';
import type Docker from 'dockerode';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Engine, startEngine } from '../node/docker-engine.ts';
import { ensureImage } from '../node/images.ts';
import { becomes } from '../node/processes.ts';
import { debianImage, emptyImage, ensureDebianImage, ensureEmptyImage } from './bare-images.ts';
import { builtEmissary } from './running.ts';
import { SharedVolume } from './shared-volume.ts';

let engine: Engine;
const made: Docker.Container[] = [];

beforeAll(async () => {
  engine = await startEngine();
  await ensureImage(engine.docker, 'podhand-test/busybox:latest');
  await ensureImage(engine.docker, 'podhand-test/scratch:latest');
  await ensureEmptyImage(engine.docker);
  await ensureDebianImage(engine.docker);
}, 600_000);

afterAll(async () => {
  await Promise.all(made.map((container) => container.remove({ force: true, v: true })));
  await engine?.close();
});

/** Starts a container whose command the emissary runs; the binary is the one thing that is added to the image. */
async function started(
  Image: string,
  command: readonly string[],
  options: Docker.ContainerCreateOptions = {},
  volume?: SharedVolume,
): Promise<Docker.Container> {
  const mounts = [`${dirname(await builtEmissary())}:/podhand:ro`];
  if (volume !== undefined) mounts.push(`${volume.path}:/var/run/argo`);
  const container = await engine.docker.createContainer({
    Image,
    Cmd: [],
    ...options,
    Entrypoint: ['/podhand/podhand-emissary', ...command],
    HostConfig: { NetworkMode: 'none', Binds: mounts, ReadonlyRootfs: true, ...options.HostConfig },
  });
  made.push(container);
  await container.start();
  return container;
}

async function output(container: Docker.Container): Promise<string> {
  const log = await container.logs({ stdout: true, stderr: true });
  // Frames of eight bytes of header each.
  let text = '';
  for (let at = 0; at + 8 <= log.length; at += 8 + log.readUInt32BE(at + 4)) {
    text += log.toString('utf8', at + 8, at + 8 + log.readUInt32BE(at + 4));
  }
  return text;
}

async function ended(container: Docker.Container): Promise<{ code: number; text: string }> {
  const { StatusCode } = await container.wait();
  return { code: StatusCode, text: await output(container) };
}

async function says(container: Docker.Container, words: string): Promise<void> {
  if (await becomes(async () => (await output(container)).includes(words), 30_000)) return;
  throw new Error(`never "${words}": ${await output(container)}`);
}

const nobody = { User: '65534:65534', Env: ['ARGO_CONTAINER_NAME=main'] };

describe('in an image with nothing in it', () => {
  it('the binary itself runs, as PID 1 and as nobody, on a read-only root', async () => {
    const version = ['--', '/podhand/podhand-emissary', '--version'];
    const { code, text } = await ended(await started(emptyImage, version, nobody, new SharedVolume()));
    expect(text).toMatch(/^podhand-emissary \d/);
    expect(code).toBe(0);
  });

  it('a command that is not there is 127', async () => {
    const { code, text } = await ended(await started(emptyImage, ['--', 'sh']));
    expect([code, text]).toEqual([127, expect.stringContaining('not found in PATH')]);
  });
});

describe.each(['podhand-test/scratch:latest', 'podhand-test/busybox:latest', debianImage])('in %s', (image) => {
  it('exit code, output and files are there, as nobody', async () => {
    await using volume = new SharedVolume();
    const { code, text } = await ended(await started(image, ['--capture', '--', 'echo', 'hello'], nobody, volume));
    expect([code, text]).toEqual([0, 'hello\n']);
    expect(volume.read('ctr/main/stdout')).toBe('hello\n');
    expect(volume.read('ctr/main/exitcode')).toBe('0');
    const failed = await ended(await started(image, ['--', 'false'], nobody, volume));
    expect(failed.code).toBe(1);
    expect(volume.read('ctr/main/exitcode')).toBe('1');
  });

  it('the engine’s stop ends a command that has no handler, at once', async () => {
    const container = await started(image, ['--', 'sleep', '600']);
    await container.stop({ t: 600 });
    expect((await ended(container)).code).toBe(143);
  });
});

describe('as PID 1', () => {
  it('reaps what the image’s shell leaves behind', async () => {
    const script =
      'for i in 1 2 3 4 5 6 7 8; do (true &); done; sleep 0.3; cat /proc/[0-9]*/stat | grep -c " Z "; echo $PPID';
    const { text } = await ended(await started('podhand-test/busybox:latest', ['--', 'sh', '-c', script]));
    expect(text).toBe('0\n1\n');
  });

  it('can be killed from inside, where the kernel keeps KILL from PID 1', async () => {
    const script = 'trap "" TERM; echo ready; while :; do sleep 1; done';
    const container = await started('podhand-test/busybox:latest', ['--', 'sh', '-c', script]);
    await says(container, 'ready');
    const kill = await container.exec({ Cmd: ['/podhand/podhand-emissary', 'kill', '9', '1'] });
    await kill.start({ Detach: true });
    expect((await ended(container)).code).toBe(137);
  });
});

describe('in a shared process namespace', () => {
  it('only its own command gets a signal, and its orphans come to it', async () => {
    const pause = await started('podhand-test/busybox:latest', ['--', 'sleep', '600']);
    const HostConfig = { PidMode: `container:${pause.id}` };
    const script =
      'trap "exit 9" TERM; (sleep 600 & echo $!) > /dev/shm/orphan; echo ready $PPID; while :; do sleep 0.1; done';
    const container = await started('podhand-test/busybox:latest', ['--', 'sh', '-c', script], { HostConfig });
    await says(container, 'ready');
    const emissary = Number((await output(container)).split(' ')[1]);
    expect(emissary).toBeGreaterThan(1);
    const asked = await container.exec({
      Cmd: ['sh', '-c', `grep PPid: /proc/$(cat /dev/shm/orphan)/status`],
      AttachStdout: true,
    });
    const answer = await asked.start({});
    const chunks: Buffer[] = [];
    for await (const chunk of answer) chunks.push(chunk as Buffer);
    expect(Buffer.concat(chunks).toString()).toContain(`PPid:\t${emissary}`);
    await container.kill({ signal: 'SIGTERM' });
    expect((await ended(container)).code).toBe(9);
    expect((await pause.inspect()).State.Running).toBe(true);
  });
});

describe('under a terminal', () => {
  it('the command has it', async () => {
    const words = ['--', 'sh', '-c', '[ -t 0 ] && [ -t 1 ] && echo terminal'];
    const container = await started('podhand-test/busybox:latest', words, { Tty: true, OpenStdin: true });
    await container.wait();
    expect((await container.logs({ stdout: true })).toString()).toContain('terminal');
  });
});
