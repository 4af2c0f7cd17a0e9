import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { classifyMounts } from '../../src/agent/linux/mount-kind.ts';
import { type MountEntry, parseMountInfo } from '../../src/agent/linux/mountinfo.ts';
import {
  type ProcStatus,
  parseProcStatus,
  parseStartTime,
  parseZombieStatus,
} from '../../src/agent/linux/proc-status.ts';
import { bytes, changed, changes, fraction } from './bytes.ts';
import { patience, runs } from './runs.ts';

const small = fc.integer({ min: 0, max: 2 ** 31 - 1 });
/** As the kernel has names: every byte but NUL. */
const name = fc
  .array(fc.oneof(fc.integer({ min: 1, max: 255 }), fc.constantFrom(...Buffer.from(' \t\n\\#-/'))), { maxLength: 40 })
  .map((codes) => Buffer.from(codes).toString('latin1'));
const escaped = (text: string) =>
  text.replace(/[ \t\n\\#]/g, (found) => `\\${found.charCodeAt(0).toString(8).padStart(3, '0')}`);

interface Line {
  readonly text: string;
  readonly entry: MountEntry;
}
const line: fc.Arbitrary<Line> = fc
  .record({
    mountId: small,
    parentId: small,
    dev: fc.tuple(small, small).map(([major, minor]) => `${major}:${minor}`),
    root: name.map((rest) => `/${rest}`),
    mountPoint: name.map((rest) => `/${rest}`),
    readOnly: fc.boolean(),
    fsType: fc.constantFrom('ext4', 'overlay', 'fuse.x y', 'cgroup', 'tmpfs'),
    source: name.filter((text) => text !== ''),
    superOptions: fc.constantFrom(['rw'], ['ro', 'memory'], ['rw', 'name=systemd']),
    optional: fc.constantFrom([], ['shared:1'], ['shared:1', 'master:2', 'propagate_from:3', 'unbindable']),
  })
  .map(({ optional, ...entry }) => {
    const { mountId, parentId, dev, root, mountPoint, readOnly, fsType, source, superOptions } = entry;
    const options = readOnly ? 'ro,noatime' : 'rw,errors=remount-ro';
    const head = [mountId, parentId, dev, escaped(root), escaped(mountPoint), options, ...optional, '-'];
    return { text: [...head, escaped(fsType), escaped(source), superOptions.join(',')].join(' '), entry };
  });
const node = {
  entries: parseMountInfo(readFileSync('/proc/1/mountinfo', 'latin1')),
  kubeletDirectory: '/var/lib/kubelet',
};

test(
  'mountinfo is read back, whatever bytes its names have; a text that is cut has no mount that is not there',
  () => {
    fc.assert(
      fc.property(fc.array(line, { minLength: 1, maxLength: 6 }), fraction, (lines, at) => {
        const text = `${lines.map((each) => each.text).join('\n')}\n`;
        const entries = lines.map((each) => each.entry);
        expect(parseMountInfo(text)).toEqual(entries);
        const whole = parseMountInfo(text.slice(0, Math.floor(at * text.length)));
        // Of the last one its source and options may be cut; where it is mounted is not.
        const places = (all: readonly MountEntry[]) =>
          all.map(({ superOptions: _, source: __, fsType: ___, ...rest }) => rest);
        expect(places(whole)).toEqual(places(entries.slice(0, whole.length)));
      }),
      runs(1500),
    );
  },
  patience,
);

test(
  'a changed mountinfo gives mounts with numbers, each of one kind, and nothing is thrown',
  () => {
    fc.assert(
      fc.property(fc.array(line, { minLength: 1, maxLength: 6 }), changes, (lines, all) => {
        const good = Buffer.from(lines.map((each) => each.text).join('\n'), 'latin1');
        const entries = parseMountInfo(changed(good, all).toString('latin1'));
        for (const { mountId, parentId } of entries) expect([mountId, parentId].every(Number.isSafeInteger)).toBe(true);
        const root = entries.find(({ mountPoint }) => mountPoint === '/');
        const kinds = classifyMounts(entries, node, '11111111-1111-4111-8111-111111111111', root?.mountId);
        expect(kinds.map(({ mountId }) => mountId)).toEqual(entries.map(({ mountId }) => mountId));
        const layer = root?.fsType === 'overlay' ? root.dev : undefined;
        for (const [at, { kind }] of kinds.entries()) {
          if (kind === 'rootfs' && entries[at] !== root) expect(entries[at]?.dev).toBe(layer);
        }
      }),
      runs(1500),
    );
  },
  patience,
);

const statusText = (command: string) =>
  readFileSync('/proc/self/status', 'latin1').replace(/^Name:.*$/m, () => `Name:\t${command}`);
/** A command's name as the kernel writes it there: newline and backslash escaped. */
const command = name.map((text) => text.slice(0, 15).replaceAll('\\', '\\\\').replaceAll('\n', '\\n'));

test(
  '/proc/PID/status: the name says nothing of the rest, and a text that is cut gives all or nothing',
  () => {
    const real = parseProcStatus(readFileSync('/proc/self/status', 'latin1'));
    expect(real?.pid).toBe(process.pid);
    const forged = fc.constantFrom('CapEff:\t0', 'Uid:\t0\t0\t0\t0', ': Uid: 0', '\rUid:\t0');
    fc.assert(
      fc.property(fc.oneof(command, forged), fraction, (said, at) => {
        const text = statusText(said);
        expect(parseProcStatus(text)).toEqual(real);
        const part = parseProcStatus(text.slice(0, Math.floor(at * text.length)));
        if (part !== undefined) expect(part).toEqual(real);
      }),
      runs(1500),
    );
  },
  patience,
);

test(
  'a changed /proc/PID/status gives whole numbers or nothing',
  () => {
    const wholeNumbers = ({ pid, parentPid, uid, gid, groups, namespacePids }: ProcStatus) =>
      [pid, parentPid, ...Object.values(uid), ...Object.values(gid), ...groups, ...namespacePids].every(
        (value) => Number.isSafeInteger(value) && value >= 0,
      );
    const good = Buffer.from(statusText('x'), 'latin1');
    fc.assert(
      fc.property(
        fc.oneof(
          bytes(),
          changes.map((all) => changed(good, all)),
        ),
        (text) => {
          const status = parseProcStatus(text.toString('latin1'));
          if (status !== undefined) expect(wholeNumbers(status)).toBe(true);
        },
      ),
      runs(3000),
    );
  },
  patience,
);

test(
  '/proc/PID/stat: start time and wait status are told whatever the name holds; a text that is cut gives them or nothing',
  () => {
    const stat = readFileSync('/proc/self/stat', 'latin1');
    const started = parseStartTime(stat);
    expect(started).toBeGreaterThan(0);
    const rest = stat.slice(stat.lastIndexOf(')') + 1);
    // As a zombie has it that has ended with 7.
    const fields = rest.trimEnd().split(' ');
    const zombie = `${fields.with(1, 'Z').with(33, '1').with(50, '1792').join(' ')}\n`;
    const hostile = fc.oneof(
      name.map((text) => text.slice(0, 15)),
      fc.constantFrom(') R 1 (', ')', '((', ') 0 0 0 0 0 0', ') Z 1'),
    );
    fc.assert(
      fc.property(hostile, fraction, (said, at) => {
        const text = `7 (${said})${rest}`;
        expect(parseStartTime(text)).toBe(started);
        const part = parseStartTime(text.slice(0, Math.floor(at * text.length)));
        if (part !== undefined) expect(part).toBe(started);
        const ended = `7 (${said})${zombie}`;
        expect(parseZombieStatus(ended)).toBe(1792);
        expect(parseZombieStatus(ended.slice(0, Math.floor(at * (ended.length - 1))))).toBeUndefined();
      }),
      runs(1500),
    );
  },
  patience,
);

test(
  'a changed /proc/PID/stat gives a whole number or nothing',
  () => {
    const good = readFileSync('/proc/self/stat');
    fc.assert(
      fc.property(
        fc.oneof(
          bytes(),
          changes.map((all) => changed(good, all)),
        ),
        (text) => {
          const ticks = parseStartTime(text.toString('latin1'));
          if (ticks !== undefined) expect(Number.isSafeInteger(ticks) && ticks >= 0).toBe(true);
          expect(parseZombieStatus(text.toString('latin1'))).toBeUndefined();
        },
      ),
      runs(2000),
    );
  },
  patience,
);
