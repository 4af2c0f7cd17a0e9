import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parseProcStatus, parseStartTime } from '../../src/agent/linux/proc-status.ts';

test('reads its own', () => {
  const status = parseProcStatus(readFileSync('/proc/self/status', 'utf8'));
  expect(status).toMatchObject({ pid: process.pid, parentPid: process.ppid });
  expect(status?.uid.effective).toBe(process.getuid?.());
  expect(status?.namespacePids[0]).toBe(process.pid);
});

test('ids, groups, capabilities and the inner pid of a process in namespaces', () => {
  const text = execFileSync('unshare', [
    ...[
      '--pid',
      '--fork',
      '--mount-proc',
      '--',
      'setpriv',
      '--reuid=1000',
      '--regid=1001',
      '--groups=7,8',
      '--bounding-set=-all',
    ],
    ...['cat', '/proc/self/status'],
  ]).toString();
  expect(parseProcStatus(text)).toMatchObject({
    uid: { real: 1000, effective: 1000, fileSystem: 1000 },
    gid: { real: 1001, effective: 1001, fileSystem: 1001 },
    groups: [7, 8],
    effectiveCapabilities: 0n,
    namespacePids: [1],
  });
});

test('what is not a status is undefined', () => {
  expect(parseProcStatus('')).toBeUndefined();
  expect(parseProcStatus('Name:\tx\nPid:\t1\nPPid:\t0\nUid:\t0\n')).toBeUndefined();
  const old =
    'State:\tS (sleeping)\nPid:\t5\nPPid:\t1\nUid:\t1\t2\t3\t4\nGid:\t1\t2\t3\t4\nGroups:\t \nCapEff:\t0000003fffffffff\n';
  expect(parseProcStatus(old)).toEqual({
    state: 'S',
    pid: 5,
    parentPid: 1,
    uid: { real: 1, effective: 2, fileSystem: 4 },
    gid: { real: 1, effective: 2, fileSystem: 4 },
    groups: [],
    effectiveCapabilities: 0x3fffffffffn,
    namespacePids: [5],
  });
});

test('the start time is read after the name, whatever that is', () => {
  const rest = `S 1 2 3 ${'0 '.repeat(15)}4711 0 0`;
  expect(parseStartTime(`12 (sleep) ${rest}`)).toBe(4711);
  expect(parseStartTime(`12 (a) R 1 (b c) ${rest}`)).toBe(4711);
  expect(parseStartTime('12 (sleep) S 1')).toBeUndefined();
  expect(parseStartTime('')).toBeUndefined();
});
