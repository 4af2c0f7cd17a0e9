import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { AT_FDCWD, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, O_RDONLY } from '../../src/agent/linux/constants.ts';
import { type FileCredentials, mayBecomeOthers, withCredentials } from '../../src/agent/linux/credentials.ts';
import { openat2 } from '../../src/agent/linux/file-calls.ts';

const folder = mkdtempSync(join(tmpdir(), 'podhand-credentials-'));
const ofRoot = join(folder, 'root-0600');
const ofUser = join(folder, 'user-0600');
const ofGroup = join(folder, 'group-0640');

beforeAll(() => {
  expect(process.getuid?.(), 'these tests need root').toBe(0);
  chmodSync(folder, 0o755);
  for (const [file, uid, gid, mode] of [
    [ofRoot, 0, 0, 0o600],
    [ofUser, 1000, 1000, 0o600],
    [ofGroup, 0, 4242, 0o640],
  ] as const) {
    writeFileSync(file, 'secret');
    chownSync(file, uid, gid);
    chmodSync(file, mode);
  }
});
afterAll(() => rmSync(folder, { recursive: true }));

const user: FileCredentials = { uid: 1000, gid: 1000, groups: [], capabilities: 0n };
const root: FileCredentials = { uid: 0, gid: 0, groups: [0], capabilities: 0n };

function reads(credentials: FileCredentials, file: string): string {
  return withCredentials(credentials, () => {
    try {
      closeSync(openat2(AT_FDCWD, Buffer.from(file), { flags: O_RDONLY, resolve: 0 }));
      return 'yes';
    } catch (error) {
      return error instanceof Error && 'code' in error ? String(error.code) : 'other';
    }
  });
}

/** What the kernel says of the calling thread, all four kinds of rights. */
function ownRights(): string {
  const status = readFileSync('/proc/thread-self/status', 'utf8');
  return (status.match(/^(Uid|Gid|Groups|Cap\w+):.*$/gm) ?? []).join('\n');
}

test.each([
  ['a user, root 0600', user, ofRoot, 'EACCES'],
  ['a user, its own 0600', user, ofUser, 'yes'],
  ['a user, a foreign group 0640', user, ofGroup, 'EACCES'],
  ['a user in the group', { ...user, groups: [7, 4242] }, ofGroup, 'yes'],
  ['a user whose first group it is', { ...user, gid: 4242 }, ofGroup, 'yes'],
  ['another user', { ...user, uid: 1001 }, ofUser, 'EACCES'],
  ['root without capabilities, a foreign 0600', root, ofUser, 'EACCES'],
  ['root without capabilities, its own 0600', root, ofRoot, 'yes'],
  ['root with CAP_DAC_OVERRIDE', { ...root, capabilities: CAP_DAC_OVERRIDE }, ofUser, 'yes'],
  ['a user with CAP_DAC_READ_SEARCH', { ...user, capabilities: CAP_DAC_READ_SEARCH }, ofRoot, 'yes'],
  [
    'a user with all capabilities but those for files',
    { ...user, capabilities: ~0x1fn & (2n ** 40n - 1n) },
    ofRoot,
    'EACCES',
  ],
] as const)('%s: %3$s', (_, credentials, file, expected) => {
  const before = ownRights();
  expect(reads(credentials, file)).toBe(expected);
  expect(ownRights()).toBe(before);
});

test('the rights are back after an exception and after a promise', () => {
  const before = ownRights();
  expect(() =>
    withCredentials(user, () => {
      throw new RangeError('inside');
    }),
  ).toThrow(RangeError);
  expect(() => withCredentials(user, async () => 1)).toThrow(TypeError);
  expect(ownRights()).toBe(before);
});

test('the thread has exactly the wanted rights inside', () => {
  // Opened before: the status of a thread is its own file, read through a descriptor whoever reads.
  const inside = withCredentials({ uid: 1000, gid: 1001, groups: [5, 4], capabilities: CAP_DAC_READ_SEARCH }, () => {
    const fd = openSync('/proc/thread-self/status', 'r');
    try {
      return readFileSync(fd, 'utf8');
    } finally {
      closeSync(fd);
    }
  });
  expect(inside).toMatch(/^Uid:\t0\t0\t0\t1000$/m);
  expect(inside).toMatch(/^Gid:\t0\t0\t0\t1001$/m);
  expect(inside).toMatch(/^Groups:\t4 5 ?$/m);
  expect(inside).toMatch(/^CapEff:\t0000000000000004$/m);
});

test('other threads keep their own rights', async () => {
  const pool: Promise<string>[] = [];
  for (let round = 0; round < 200; round++) {
    pool.push(readFile(ofRoot, 'utf8'));
    expect(reads(user, ofRoot)).toBe('EACCES');
  }
  expect(new Set(await Promise.all(pool))).toEqual(new Set(['secret']));
});

/** What a process of its own that has these capabilities alone prints; `body` has the module as `c`. */
function withCapabilities(names: readonly string[], body: string): string {
  const place = new URL('../../src/agent/linux/credentials.ts', import.meta.url).href;
  const script = `const c = await import(${JSON.stringify(place)}); ${body}`;
  const kept = ['-all', ...names.map((name) => `+${name}`)].join(',');
  const limits = [`--inh-caps=${kept}`, `--bounding-set=${kept}`];
  const { stdout, stderr } = spawnSync('setpriv', [...limits, process.execPath, '--input-type=module', '-e', script], {
    encoding: 'utf8',
  });
  return stdout || stderr;
}

test('a process without capabilities keeps to its own rights, and says so', () => {
  expect(mayBecomeOthers()).toBe(true);
  const own = 'c.withCredentials(c.ownFileCredentials(), () => process.stdout.write("ran as itself"))';
  expect(withCapabilities([], `if (!c.mayBecomeOthers()) ${own}`)).toBe('ran as itself');
  const other =
    'c.withCredentials({ uid: 1000, gid: 1000, groups: [], capabilities: 0n }, () => process.stdout.write("!"))';
  expect(withCapabilities([], other)).toMatch(/take CAP_SETUID and CAP_SETGID/);
});

// Runtimes give root in a container CAP_DAC_OVERRIDE and not CAP_DAC_READ_SEARCH; an agent may have the latter alone.
test.each([
  ['dac_read_search', 'secret'],
  ['dac_override', 'secret'],
  ['chown', /EACCES/],
] as const)('what root with CAP_DAC_OVERRIDE reads, an agent with %s: %s', (own, expected) => {
  const asRoot = `{ uid: 0, gid: 0, groups: [], capabilities: ${CAP_DAC_OVERRIDE}n }`;
  const body = `const fs = await import('node:fs');
    process.stdout.write(c.withCredentials(${asRoot}, () => fs.readFileSync(${JSON.stringify(ofUser)})))`;
  expect(withCapabilities(['setuid', 'setgid', own], body)).toMatch(expected);
});
