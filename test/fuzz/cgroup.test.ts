import fc from 'fast-check';
import { expect, test } from 'vitest';
import { nodeCgroup, parseCgroup } from '../../src/agent/linux/cgroup-path.ts';
import { bytes } from './bytes.ts';
import { patience, runs } from './runs.ts';

const hex = (length: number) => fc.stringMatching(new RegExp(`^[0-9a-f]{${length}}$`));
const containerId = hex(64);
const podUid = fc.uuid();
const quality = fc.constantFrom('guaranteed', 'burstable', 'besteffort');
const runtime = fc.constantFrom('docker', 'crio', 'cri-containerd', 'containerd');

/** Where kubelets and runtimes put a container, by cgroup driver. */
const place = fc.record({ podUid, containerId, quality, runtime }).chain((parts) => {
  const { quality, runtime } = parts;
  const underscored = parts.podUid.replaceAll('-', '_');
  const slice =
    quality === 'guaranteed'
      ? `/kubepods.slice/kubepods-pod${underscored}.slice`
      : `/kubepods.slice/kubepods-${quality}.slice/kubepods-${quality}-pod${underscored}.slice`;
  const plain = `/kubepods${quality === 'guaranteed' ? '' : `/${quality}`}/pod${parts.podUid}`;
  const joined = `${slice.slice(slice.lastIndexOf('/') + 1)}:${runtime}:${parts.containerId}`;
  return fc.record({
    podUid: fc.constant(parts.podUid),
    containerId: fc.constant(parts.containerId),
    path: fc.constantFrom(
      `${plain}/${parts.containerId}`,
      `${plain}/${runtime}-${parts.containerId}`,
      `${slice}/${runtime}-${parts.containerId}.scope`,
      `${slice}/${parts.containerId}`,
      `/system.slice/${joined}`,
      `/${joined}`,
    ),
  });
});

/** What a container that may write its own cgroup can append: any name but `/`, NUL and newline, as the kernel has it. */
const segment = fc.oneof(
  fc
    .array(fc.integer({ min: 1, max: 255 }), { minLength: 1, maxLength: 30 })
    .map((codes) => Buffer.from(codes.filter((code) => code !== 0x0a && code !== 0x2f)).toString('latin1'))
    .filter((name) => name !== '' && name !== '.' && name !== '..'),
  fc.tuple(runtime, containerId).map(([name, id]) => `${name}-${id}.scope`),
  podUid.map((uid) => `pod${uid}`),
  podUid.map((uid) => `kubepods-pod${uid.replaceAll('-', '_')}.slice`),
  fc.constantFrom('x (deleted)', '0::', 'a\rb', '\r', ' ', 'init.scope', '\u0085'),
);
const tail = fc.array(segment, { maxLength: 5 }).map((names) => names.map((name) => `/${name}`).join(''));
const hierarchies = fc.constantFrom(
  ['0::'],
  ['12:pids:', '11:cpu,cpuacct:', '1:name=systemd:', '0::'],
  ['4:memory:', '1:name=systemd:'],
);
const up = fc.constantFrom('', '/..', '/../..');

test(
  'a pod and a container are read back from every known path, whatever the container appends',
  () => {
    fc.assert(
      fc.property(place, hierarchies, fc.array(tail, { minLength: 4, maxLength: 4 }), up, (at, lines, tails, above) => {
        const text = lines.map((head, index) => `${head}${above}${at.path}${tails[index] ?? ''}\n`).join('');
        expect(parseCgroup(text)).toEqual({ podUid: at.podUid, containerId: at.containerId, conflict: false });
      }),
      runs(3000),
    );
  },
  patience,
);

test(
  'hierarchies that name two containers, or two pods, name nothing',
  () => {
    fc.assert(
      fc.property(place, place, tail, (one, other, end) => {
        fc.pre(one.containerId !== other.containerId || one.podUid !== other.podUid);
        const text = `2:pids:${one.path}${end}\n0::${other.path}${end}\n`;
        expect(parseCgroup(text)).toEqual({ conflict: true });
      }),
      runs(500),
    );
  },
  patience,
);

test(
  'a node that is a container is taken away in front, and only there',
  () => {
    fc.assert(
      fc.property(place, containerId, tail, (at, node, end) => {
        const own = nodeCgroup(`0::/docker/${node}/init.scope\n`);
        const inside = parseCgroup(`0::/docker/${node}${at.path}${end}\n`, own);
        expect(inside).toEqual({ podUid: at.podUid, containerId: at.containerId, conflict: false });
        expect(parseCgroup(`0::${at.path}/docker/${node}${end}\n`, own)).toEqual(inside);
      }),
      runs(500),
    );
  },
  patience,
);

/** Who is of no container may be root of the node: that must never come of a line that could not be read. */
test(
  'a text that is none names nobody, and is not taken for that of a process of the node',
  () => {
    fc.assert(
      fc.property(bytes(), (garbage) => {
        const text = garbage.toString('latin1');
        const found = parseCgroup(text);
        if (found.conflict) expect(found).toEqual({ conflict: true });
        const lines = text.split('\n').filter((line) => line !== '');
        if (!lines.every((line) => /^\d+:[^:]*:\//.test(line))) expect(found.conflict).toBe(true);
      }),
      runs(3000),
    );
  },
  patience,
);
