import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually } from '../conformance/subject.ts';
import { type Engine, startEngine } from '../node/docker-engine.ts';
import { DockerRuntime } from '../node/docker-runtime.ts';
import { must } from '../node/processes.ts';
import { type BuiltImages, buildImages } from './build-images.ts';

let engine: Engine;
let runtime: DockerRuntime;
let images: BuiltImages;
let directory: string;
let agentId: string;

const docker = (...args: string[]) => must(['docker', '-H', `unix://${engine.socketPath}`, ...args]);

beforeAll(async () => {
  engine = await startEngine();
  images = await buildImages(engine.docker, engine.socketPath);
  directory = mkdtempSync(join(tmpdir(), 'podhand-image-'));
  runtime = await DockerRuntime.open(engine.docker, {
    socketsDir: join(directory, 'run/pods'),
    kubeletDir: join(directory, 'kubelet'),
  });
  agentId = (await docker(...agentOptions())).trim();
}, 900_000);

afterAll(async () => {
  if (agentId !== undefined) await docker('rm', '-f', agentId);
  await runtime?.close();
  await engine?.close();
  if (directory !== undefined) rmSync(directory, { recursive: true, force: true });
});

/** As deploy/ runs it: no capability but those of the table in docs/security.md, nothing writable but its own. */
function agentOptions(): string[] {
  const capabilities = ['SYS_PTRACE', 'DAC_READ_SEARCH', 'KILL', 'SETUID', 'SETGID'];
  return [
    ...['run', '--detach', '--network=none', '--pid=host', '--cgroupns=host', '--read-only', '--cap-drop=ALL'],
    ...capabilities.map((name) => `--cap-add=${name}`),
    '--security-opt=no-new-privileges',
    `--volume=${engine.socketPath}:/var/run/docker.sock`,
    `--volume=${directory}/run:/run/podhand`,
    `--volume=${directory}/state:/var/lib/podhand`,
    `--volume=${directory}/kubelet:/var/lib/kubelet`,
    '--volume=/sys/fs/cgroup:/sys/fs/cgroup:ro',
    '--env=PODHAND_CONTAINER_RUNTIME_EXECUTOR=docker',
    images.agent,
  ];
}

async function inside(image: string): Promise<string[]> {
  const id = (await docker('create', image)).trim();
  try {
    return (await must(['sh', '-c', `docker -H "unix://$1" export "$2" | tar -t`, 'sh', engine.socketPath, id])).split(
      '\n',
    );
  } finally {
    await docker('rm', id);
  }
}

test('the client image has Node, the client and nothing else: no shell, no package manager', async () => {
  const files = (await inside(images.client)).filter((path) => !path.endsWith('/'));
  const strangers = files.filter((path) => !/^(podhand|lib|lib64|usr\/local\/bin|etc|dev|\.dockerenv)/.test(path));
  expect(strangers.filter(Boolean)).toEqual([]);
  expect(files.filter((path) => path.startsWith('usr/local/bin/')).sort()).toEqual([
    'usr/local/bin/node',
    'usr/local/bin/podhand',
  ]);
  expect(files.some((path) => path.includes('node_modules'))).toBe(false);
});

test('the agent image has production dependencies only', async () => {
  const files = await inside(images.agent);
  const has = (name: string) => files.some((path) => path.startsWith(`podhand/node_modules/${name}/`));
  expect(['@grpc/grpc-js', 'koffi', 'dockerode'].map(has)).toEqual([true, true, true]);
  expect(['vitest', 'typescript', '@biomejs/biome', 'esbuild', 'tar-stream'].map(has)).toEqual(Array(5).fill(false));
  expect(files.some((path) => path.startsWith('podhand/test/'))).toBe(false);
});

test('both carry their labels', async () => {
  for (const image of Object.values(images)) {
    const labels = await docker('image', 'inspect', '-f', '{{json .Config.Labels}}', image);
    expect(JSON.parse(labels)).toMatchObject({ 'org.opencontainers.image.licenses': 'Apache-2.0' });
  }
});

test('the agent becomes healthy, by its own health check', async () => {
  await eventually(async () => (await docker('inspect', '-f', '{{.State.Health.Status}}', agentId)) === 'healthy\n');
});

test('podhand init puts the emissary into a volume, and it supervises a command of an image with nothing else in it', async () => {
  const pod = await runtime.pod();
  const shared = await pod.volumeDir('emissary');
  const restricted = ['--network=none', '--user=65532:65532', '--read-only', '--cap-drop=ALL'];
  const volume = `--volume=${shared}:/var/run/argo`;
  await docker('run', '--rm', ...restricted, volume, images.client, 'init');
  const supervised = ['/var/run/argo/podhand-emissary', '--', '/bin/echo', 'supervised'];
  const run = ['run', '--rm', ...restricted, volume, '--entrypoint=', 'podhand-test/scratch:latest'];
  expect(await docker(...run, ...supervised)).toBe('supervised\n');
});

test('the client in a pod: any user, no capabilities, a read-only root, its socket alone', async () => {
  const pod = await runtime.pod();
  const main = await pod.run({ name: 'main', command: ['/bin/sh', '-c', 'echo 42 > /tmp/answer; exit 3'] });
  await main.exited();
  const podhand = async (...args: string[]) => {
    const restricted = ['--user=1234:1234', '--read-only', '--cap-drop=ALL', '--security-opt=no-new-privileges'];
    const labels = {
      'io.kubernetes.pod.uid': pod.uid,
      'io.kubernetes.pod.name': pod.name,
      'io.kubernetes.pod.namespace': pod.namespace,
      'io.kubernetes.container.name': 'asks',
      'podhand-test.pod': pod.uid,
    };
    return await docker(
      ...['run', '--rm', '--network=none', `--cgroup-parent=/kubepods/besteffort/pod${pod.uid}`, ...restricted],
      ...Object.entries(labels).map(([name, value]) => `--label=${name}=${value}`),
      `--volume=${directory}/run/pods/${pod.uid}:/run/podhand:ro`,
      images.client,
      ...args,
    );
  };
  expect(await podhand('cat', 'main:/tmp/answer')).toBe('42\n');
  expect(JSON.parse(await podhand('wait', 'main', '-o', 'json'))).toMatchObject({ records: [{ exitCode: 3 }] });
});
