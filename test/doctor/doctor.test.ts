import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import type { CheckReport, ExecutorReport } from '../../src/doctor/examine.ts';
import { startEngine } from '../node/docker-engine.ts';
import { run } from '../node/processes.ts';

const bin = fileURLToPath(new URL('../../bin/podhand', import.meta.url));
let directory: string;
let node: string[];

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'podhand-doctor-'));
  for (const name of ['run', 'state', 'log/pods', 'log/containers', 'kubelet/pods']) {
    mkdirSync(join(directory, name), { recursive: true });
  }
  node = [
    `runDir=${directory}/run`,
    `stateDir=${directory}/state`,
    `nodeLogs.podsDir=${directory}/log/pods`,
    `nodeLogs.containersDir=${directory}/log/containers`,
    `kubelet.directory=${directory}/kubelet`,
    `docker.socket=${directory}/no-engine.sock`,
  ];
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** The command as an operator runs it, behind a program that changes what it has. */
async function doctor(set: readonly string[], options: { behind?: readonly string[]; args?: readonly string[] } = {}) {
  const { behind = [], args = [] } = options;
  const settings = [...node, ...set].flatMap((each) => ['--set', each]);
  return await run([...behind, process.execPath, bin, 'doctor', ...settings, ...args], {
    env: { PATH: '/usr/bin:/bin' },
  });
}

async function reports(set: readonly string[], behind: readonly string[] = []) {
  const { exitCode, stdout, stderr } = await doctor(set, { behind, args: ['-o', 'json'] });
  expect(stderr.toString()).toBe('');
  const { executors } = JSON.parse(stdout.toString()) as { executors: ExecutorReport[] };
  const of = (name: string) => {
    const found = executors.find((each) => each.name === name);
    if (found === undefined) throw new Error(`no report of ${name}`);
    return found;
  };
  return { exitCode, of };
}

const missing = ({ checks }: ExecutorReport): string[] =>
  checks.filter(({ required, ok }) => required && !ok).map(({ name }) => name);
const check = ({ checks }: ExecutorReport, name: string): CheckReport | undefined =>
  checks.find((each) => each.name === name);

describe('podhand doctor', () => {
  test('this machine can run pns, and says what docker lacks', async () => {
    const { exitCode, of } = await reports([]);
    expect(missing(of('pns'))).toEqual([]);
    expect(of('pns')).toMatchObject({ configured: true, canRun: true });
    expect(of('docker')).toMatchObject({ configured: false, canRun: false });
    expect(missing(of('docker'))).toEqual(['docker.socket']);
    expect(check(of('docker'), 'docker.socket')?.found).toContain('ENOENT');
    expect(exitCode).toBe(0);
  });

  test('docker, configured: 64 without an engine, 0 with one', async () => {
    const without = await reports(['containerRuntimeExecutor=docker']);
    expect(without.exitCode).toBe(64);
    const engine = await startEngine();
    const { exitCode, of } = await reports(['containerRuntimeExecutor=docker', `docker.socket=${engine.socketPath}`]);
    await engine.close();
    expect(check(of('docker'), 'docker.socket')?.found).toMatch(/API 1\.\d+/);
    expect(exitCode).toBe(0);
  });

  test('emissary wants what names its pods; the node’s processes only where it holds them', async () => {
    const settings = ['kubelet.url=https://127.0.0.1:1'];
    const without = await reports([...settings]);
    expect(missing(without.of('emissary'))).toEqual(['kubelet credentials', 'kubelet pods']);
    expect(check(without.of('emissary'), 'cgroup hierarchies')?.required).toBe(false);
    const held = await reports([...settings, 'emissary.hold=true', `cgroup.mount=${directory}`]);
    expect(missing(held.of('emissary'))).toEqual(['kubelet credentials', 'kubelet pods', 'cgroup hierarchies']);
  });

  test('kubelet and k8sapi lack credentials and servers here', async () => {
    const { of } = await reports(['kubelet.url=https://127.0.0.1:1']);
    expect(missing(of('kubelet'))).toEqual(['kubelet credentials', 'kubelet pods']);
    expect(missing(of('k8sapi'))).toEqual(['k8sapi credentials', 'k8sapi pods']);
    expect(check(of('k8sapi'), 'k8sapi pods')?.found).toBe('k8sapi.url is not set');
  });

  test('what listens there and is no engine, or never answers, is told from one', async () => {
    const socket = join(directory, 'other.sock');
    const server = createServer((request, response) => {
      if (request.url === '/_ping') response.writeHead(404).end();
    });
    await new Promise<void>((resolve) => server.listen(socket, resolve));
    const { of } = await reports([`docker.socket=${socket}`]);
    expect(check(of('docker'), 'docker.socket')).toMatchObject({ ok: false, found: `${socket}: HTTP 404` });
    server.removeAllListeners('request');
    const silent = await reports([`docker.socket=${socket}`]);
    expect(check(silent.of('docker'), 'docker.socket')).toMatchObject({ ok: false, found: `${socket}: no answer` });
    server.closeAllConnections();
    server.close();
  });

  test.each([
    ['sys_ptrace', 'CAP_SYS_PTRACE'],
    ['kill', 'CAP_KILL'],
    ['setuid', 'CAP_SETUID'],
    ['setgid', 'CAP_SETGID'],
    ['dac_read_search,-dac_override', 'CAP_DAC_READ_SEARCH'],
  ])('root without %s cannot run pns', async (dropped, name) => {
    const { exitCode, of } = await reports([], ['setpriv', '--bounding-set', `-${dropped}`]);
    expect(missing(of('pns'))).toEqual([name]);
    expect(exitCode).toBe(64);
  });

  test('a user without any right lacks all of them, and the directories that are root’s', async () => {
    const behind = ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups', '--bounding-set', '-all'];
    const { exitCode, of } = await reports(['runDir=/run/podhand-doctor', 'stateDir=/var/lib/podhand-doctor'], behind);
    expect(missing(of('pns'))).toEqual(
      expect.arrayContaining(['runDir', 'stateDir', 'CAP_SYS_PTRACE', 'CAP_DAC_READ_SEARCH', 'CAP_KILL']),
    );
    expect(exitCode).toBe(64);
  });

  test('in a pid namespace of its own it cannot see who calls', async () => {
    const { exitCode, of } = await reports([], ['unshare', '--pid', '--fork', '--mount-proc']);
    expect(missing(of('pns'))).toEqual(['host pid namespace']);
    expect(missing(of('docker'))).toContain('host pid namespace');
    expect(exitCode).toBe(64);
    const told = await reports(['callers.witness=none'], ['unshare', '--pid', '--fork', '--mount-proc']);
    expect(missing(told.of('kubelet'))).not.toContain('host pid namespace');
  });

  test('without cgroup hierarchies, without the node’s logs', async () => {
    const { of } = await reports(['cgroup.mount=/nowhere', 'nodeLogs.podsDir=/nowhere']);
    expect(missing(of('pns'))).toEqual(['cgroup hierarchies', 'nodeLogs.podsDir']);
  });

  test('the kubelet’s pods are wished for, and required where they are the only place of sockets', async () => {
    const without = await reports(['kubelet.directory=/nowhere']);
    expect(check(without.of('pns'), 'kubelet’s pods')).toMatchObject({ ok: false, required: false });
    expect(without.exitCode).toBe(0);
    const { exitCode, of } = await reports(['kubelet.directory=/nowhere', 'sockets.hostPath=false']);
    expect(missing(of('pns'))).toEqual(['kubelet’s pods']);
    expect(exitCode).toBe(64);
  });

  test('a file where a directory belongs', async () => {
    writeFileSync(join(directory, 'file'), '');
    const { of } = await reports([`nodeLogs.containersDir=${directory}/file`]);
    expect(missing(of('pns'))).toEqual(['nodeLogs.containersDir']);
  });

  test('every executor that a rule can choose has to run', async () => {
    const file = join(directory, 'config.yaml');
    const rules = '[{ name: docker, selector: { matchLabels: { uses: docker } } }]';
    writeFileSync(
      file,
      `containerRuntimeExecutor: pns\npns: { podSource: docker }\ncontainerRuntimeExecutors: ${rules}\n`,
    );
    const { exitCode, stdout } = await doctor([], { args: ['--config', file, '-o', 'yaml'] });
    const { executors } = parse(stdout.toString()) as { executors: ExecutorReport[] };
    expect(executors.map(({ name, configured, canRun }) => [name, configured, canRun])).toEqual([
      ['docker', true, false],
      ['pns', true, false],
      ['emissary', false, false],
      ['kubelet', false, false],
      ['k8sapi', false, false],
    ]);
    expect(exitCode).toBe(64);
  });

  test('the table says it for people', async () => {
    const { stdout, exitCode } = await doctor([]);
    expect(stdout.toString()).toMatch(/^EXECUTOR +CONFIGURED +CAN RUN +MISSING$/m);
    expect(stdout.toString()).toMatch(/^pns +yes +yes +-$/m);
    expect(stdout.toString()).toMatch(/^docker +no +no +docker\.socket$/m);
    expect(stdout.toString()).toMatch(/^docker\.socket +missing +docker /m);
    expect(exitCode).toBe(0);
  });

  test.each([
    ['a setting that is not one', ['--set', 'dockr.socket=/x'], 'docker.socket'],
    ['an unknown format', ['-o', 'xml'], 'Allowed choices'],
  ])('%s: 64', async (_, args, said) => {
    const { exitCode, stderr } = await doctor([], { args });
    expect(stderr.toString()).toContain(said);
    expect(exitCode).toBe(64);
  });
});
