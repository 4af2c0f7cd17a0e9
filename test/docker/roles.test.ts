import type Docker from 'dockerode';
import { describe, expect, it } from 'vitest';
import { dockerCapabilities } from '../../src/agent/executors/docker/capabilities.ts';
import { DockerEntrypoint } from '../../src/agent/executors/docker/docker-entrypoint.ts';
import { DockerSignal } from '../../src/agent/executors/docker/docker-signal.ts';
import { DockerStats } from '../../src/agent/executors/docker/docker-stats.ts';
import { Engine } from '../../src/agent/executors/docker/engine.ts';
import { capabilityNames } from '../../src/agent/executors/roles.ts';
import type { TestImage } from '../node/images.ts';
import { becomes } from '../node/processes.ts';
import { EnginePod } from './engine-pod.ts';
import { containerOf } from './test-pod.ts';

const never = new AbortController().signal;
const images: TestImage[] = [
  'podhand-test/busybox:latest',
  'podhand-test/entrypoint:exec',
  'podhand-test/entrypoint:user',
  'podhand-test/entrypoint:empty',
];

describe('the docker executor', () => {
  const on = new EnginePod(images);
  const of = ({ id }: Docker.Container) => containerOf(on.pod, id);

  it('sends signals, and knows that there is nobody to send them to', async () => {
    const signals = new DockerSignal(on.engine);
    const container = await on.pod.run('main', [
      '/bin/sh',
      '-c',
      'trap "echo got; exit 5" USR1; while :; do sleep 0.05; done',
    ]);
    expect(await becomes(async () => (await container.top()).Processes.length > 0, 10_000)).toBe(true);
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(await signals.send(of(container), 10, never)).toBe('sent');
    expect((await container.wait()).StatusCode).toBe(5);
    expect(await signals.send(of(container), 10, never)).toBe('gone');
    await container.remove();
    expect(await signals.send(of(container), 10, never)).toBe('gone');
    expect(await signals.send(of(await on.pod.create('created', ['true'])), 15, never)).toBe('gone');
    const stop = new AbortController();
    stop.abort();
    await expect(signals.send(of(container), 10, stop.signal)).rejects.toMatchObject({ name: 'AbortError' });
  });

  it.each([
    [
      'podhand-test/entrypoint:exec',
      { entrypoint: ['/bin/echo', 'two words'], cmd: ['and', 'an argument'], user: '', workingDir: '' },
    ],
    ['podhand-test/entrypoint:user', { entrypoint: ['/bin/id'], cmd: [], user: '1234', workingDir: '/home/user' }],
    ['podhand-test/entrypoint:empty', { entrypoint: [], cmd: [] }],
  ])('knows what the image %s runs by itself', async (image, expected) => {
    const container = await on.pod.create('main', ['true'], { Image: image });
    const imageId = (await container.inspect()).Image;
    const found = await new DockerEntrypoint(on.engine).image({ ...of(container), image, imageId }, never);
    expect(found).toMatchObject({ ...expected, image, imageId });
  });

  it('knows an image by its id, not by a tag that means another by now', async () => {
    const container = await on.pod.sh('main', 'true');
    const imageId = (await container.inspect()).Image;
    const tag = { repo: 'podhand-test/moving', tag: on.pod.uid };
    await on.node.docker.getImage('podhand-test/entrypoint:exec').tag(tag);
    try {
      const moved = { ...of(container), image: `${tag.repo}:${tag.tag}`, imageId };
      expect((await new DockerEntrypoint(on.engine).image(moved, never)).cmd).toEqual(['/bin/sh']);
    } finally {
      await on.node.docker.getImage(`${tag.repo}:${tag.tag}`).remove();
    }
    const unknown = { ...of(container), imageId: `sha256:${'0'.repeat(64)}` };
    await expect(new DockerEntrypoint(on.engine).image(unknown, never)).rejects.toMatchObject({
      reason: 'IMAGE_NOT_FOUND',
    });
  });

  it("gives the engine's figures of a container that runs", async () => {
    const stats = new DockerStats(on.engine, undefined);
    const container = await on.pod.run('main', ['/bin/sh', '-c', 'while :; do :; done']);
    const first = await stats.sample(of(container), never);
    expect(first?.usage.memoryBytes).toBeGreaterThan(0);
    expect(first?.usage.pids).toBe(1);
    const later = async () => (await stats.sample(of(container), never))?.usage.cpuSeconds ?? 0;
    expect(await becomes(async () => (await later()) > (first?.usage.cpuSeconds ?? 0), 30_000)).toBe(true);
    await container.kill();
    await container.wait();
    expect(await stats.sample(of(container), never)).toBeUndefined();
    await container.remove();
    expect(await stats.sample(of(container), never)).toBeUndefined();
    expect(stats.final(of(container))).toBeUndefined();
  });

  it('says of an engine that is not there that it is not there', async () => {
    const absent = new Engine('/run/podhand-test/no-such.sock');
    const container = containerOf(on.pod, 'x'.repeat(64));
    for (const call of [
      () => new DockerSignal(absent).send(container, 15, never),
      () => new DockerEntrypoint(absent).image(container, never),
      () => new DockerStats(absent, undefined).sample(container, never),
    ]) {
      await expect(call()).rejects.toMatchObject({ reason: 'RUNTIME_UNAVAILABLE' });
    }
    await absent.close();
  });

  it.each([true, false])('has a yes or no for every capability (held: %s)', (held) => {
    const table = dockerCapabilities(held);
    expect(table.map(({ name }) => name)).toEqual([...capabilityNames]);
    for (const { name, supported, note } of table) if (!supported) expect(note, name).toBeTruthy();
    expect(table.find(({ name }) => name === 'files.base_layer.running')?.supported).toBe(held);
  });
});
