import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  type CgroupHierarchies,
  cgroupPaths,
  detectHierarchies,
} from '../../src/agent/processes/cgroup-hierarchies.ts';
import { readPids, readUsage } from '../../src/agent/processes/usage.ts';
import { ownRoot, removeTree, v1Hierarchies, v2Hierarchy } from './own-container.ts';

const hierarchies = detect('/sys/fs/cgroup');
let path: string;
beforeEach(() => {
  path = ownRoot();
  for (const place of v1Hierarchies()) mkdirSync(place + path);
});
afterEach(() => {
  for (const place of [...v1Hierarchies(), v2Hierarchy()]) removeTree(place + path);
});

function detect(directory: string): CgroupHierarchies {
  const found = detectHierarchies(readFileSync('/proc/self/mountinfo', 'utf8'), directory);
  if (!found) throw new Error(`these tests need cgroups at ${directory}`);
  return found;
}

/** Runs shell text in the cgroup; answers how it ended. */
async function run(script: string, places = v1Hierarchies()): Promise<unknown[]> {
  const child = spawn('sh', ['-c', `read _; ${script}`], { stdio: ['pipe', 'inherit', 'inherit'] });
  for (const place of places) writeFileSync(`${place}${path}/cgroup.procs`, `${child.pid}`);
  child.stdin?.end('\n');
  return once(child, 'exit');
}

test('v1: what a container has used is there after its end', async () => {
  const paths = cgroupPaths(hierarchies, path);
  expect(readPids(paths, 10)).toEqual([]);
  await run(
    'head -c 20000000 /dev/zero | tail -c 20000000 > /dev/null; i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done',
  );
  const usage = readUsage(paths);
  expect(usage.cpuSeconds).toBeGreaterThan(0.01);
  expect(usage.peakMemoryBytes).toBeGreaterThan(15_000_000);
  expect(usage.memoryBytes).toBeGreaterThanOrEqual(0);
  expect(usage).toMatchObject({ oomKills: 0, pids: 0 });
});

test('v1: the processes, bounded', async () => {
  const paths = cgroupPaths(hierarchies, path);
  const ended = run('sleep 1000 & sleep 1000 & sleep 1000 & wait');
  while (readPids(paths, 100).length < 4) await sleep(5);
  expect(readPids(paths, 2)).toHaveLength(2);
  expect(readUsage(paths).pids).toBe(4);
  for (const pid of readPids(paths, 100)) process.kill(pid, 'SIGKILL');
  await ended;
});

test('v1: death for want of memory is counted', async () => {
  writeFileSync(`/sys/fs/cgroup/memory${path}/memory.limit_in_bytes`, `${16 * 1024 * 1024}`);
  const [code, signal] = await run('tail /dev/zero');
  expect([code, signal]).toEqual([128 + 9, null]);
  expect(readUsage(cgroupPaths(hierarchies, path)).oomKills).toBe(1);
});

test('v2: what this kernel keeps without controllers', async () => {
  const v2 = v2Hierarchy();
  mkdirSync(v2 + path, { recursive: true });
  const paths = cgroupPaths(detect(v2), path);
  await run('i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done', [v2]);
  expect(readUsage(paths).cpuSeconds).toBeGreaterThan(0.01);
});

test('v2: the files of all controllers, as the kernel writes them', () => {
  const unified = mkdtempSync(join(tmpdir(), 'podhand-usage-'));
  const files = {
    'cpu.stat': 'usage_usec 1500000\nuser_usec 1000000\nsystem_usec 500000\nnr_periods 0\n',
    'memory.current': '4096\n',
    'memory.peak': '8192\n',
    'memory.events': 'low 0\nhigh 0\nmax 3\noom 2\noom_kill 1\noom_group_kill 0\n',
    'io.stat':
      '8:0 rbytes=100 wbytes=7 rios=1 wios=1 dbytes=0 dios=0\n253:0 rbytes=11 wbytes=1 rios=1 wios=1 dbytes=0 dios=0\n',
    'pids.current': '3\n',
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(unified, name), text);
  expect(readUsage({ processes: unified, controllers: new Map(), unified })).toEqual({
    cpuSeconds: 1.5,
    memoryBytes: 4096,
    peakMemoryBytes: 8192,
    oomKills: 1,
    readBytes: 111,
    writeBytes: 8,
    pids: 3,
  });
  rmSync(unified, { recursive: true });
});

test('nothing of what is removed', () => {
  const paths = cgroupPaths(hierarchies, `${path}/never`);
  expect(readUsage(paths)).toEqual({});
  expect(readPids(paths, 10)).toEqual([]);
});

test('v2 is watched where it has the controllers that matter, a v1 hierarchy else', () => {
  const folder = mkdtempSync(join(tmpdir(), 'podhand-hierarchies-'));
  const line = (place: string, type: string, options: string) => `1 0 0:1 / ${place} rw - ${type} cgroup rw,${options}`;
  const mixed = [
    line(`${folder}/unified`, 'cgroup2', 'x'),
    line(`${folder}/memory`, 'cgroup', 'memory'),
    line(`${folder}/pids`, 'cgroup', 'pids'),
  ].join('\n');
  mkdirSync(join(folder, 'unified'));
  const watched = (controllers: string) => {
    writeFileSync(join(folder, 'unified/cgroup.controllers'), controllers);
    return detectHierarchies(mixed, folder)?.watched.mountPoint;
  };
  expect(watched('')).toBe(`${folder}/pids`);
  expect(watched('hugetlb\n')).toBe(`${folder}/pids`);
  expect(watched('cpu memory pids\n')).toBe(`${folder}/unified`);
  expect(detectHierarchies(mixed, '/elsewhere')).toBeUndefined();
  rmSync(folder, { recursive: true });
});
