import { createHash } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  closeSync,
  ftruncateSync,
  lchownSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeSync,
} from 'node:fs';
import fc from 'fast-check';
import { bytes } from './bytes.ts';

interface Facts {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtime: number;
}
export type Node = { readonly name: Buffer; readonly facts: Facts } & (
  | { readonly kind: 'directory'; readonly below: readonly Node[] }
  /** `hole` bytes of nothing before the content, and after it. */
  | { readonly kind: 'file'; readonly content: Buffer; readonly hole: number; readonly linkedAs: readonly Buffer[] }
  | { readonly kind: 'symlink'; readonly target: Buffer }
);

const byte = fc.oneof(
  { weight: 3, arbitrary: fc.integer({ min: 0x61, max: 0x7a }) },
  fc.integer({ min: 1, max: 255 }),
  fc.constantFrom(...Buffer.from(' \n\r\\"\'*?-=\x7f')),
);
const ofLength = (least: number, most: number) =>
  fc
    .array(byte, { minLength: least, maxLength: most, size: 'max' })
    .map((all) => Buffer.from(all.map((code) => (code === 0x2f ? 0x78 : code))))
    .filter((name) => !/^\.\.?$/.test(name.toString('latin1')));
/** Every byte but NUL and slash; lengths at which the fields of a header end. */
const name = fc.oneof(
  ofLength(1, 12),
  ofLength(1, 12),
  ofLength(95, 101),
  ofLength(150, 160),
  ofLength(250, 255),
  fc
    .string({ unit: 'grapheme', minLength: 1, maxLength: 20 })
    .map((text) => Buffer.from(`u${text.replace(/[/\0]/g, '')}`).subarray(0, 255)),
);
const target = fc.oneof(
  ofLength(1, 30),
  ofLength(99, 102),
  fc
    .tuple(ofLength(1, 30), fc.integer({ min: 10, max: 130 }))
    .map(([part, times]) => Buffer.alloc(part.length * times, part)),
  fc.constant(Buffer.from('../../etc/passwd')),
  fc.constant(Buffer.from('/')),
);
const id = fc.constantFrom(0, 1000, 2_097_151, 2_097_152, 4_000_000_000);
const facts: fc.Arbitrary<Facts> = fc.record({
  // The agent leaves setuid and setgid out of what it packs.
  mode: fc.integer({ min: 0, max: 0o1777 }),
  uid: id,
  gid: id,
  mtime: fc.constantFrom(0, 1, 1_700_000_000, 2_147_483_648, 8_589_934_592, -1, -86_400),
});
const size = fc.constantFrom(0, 0, 4096, 65_536, 200_000);
const content = fc.oneof(
  bytes(),
  fc
    .tuple(bytes(20), fc.integer({ min: 0, max: 1500 }))
    .map(([part, times]) => Buffer.alloc(part.length * times, part)),
  fc.constantFrom(511, 512, 513, 65_536).map((length) => Buffer.alloc(length, 'z')),
);

const { node } = fc.letrec<{ node: Node }>((tie) => ({
  node: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.record({
      kind: fc.constant('file' as const),
      name,
      facts,
      content,
      hole: size,
      linkedAs: fc.array(name, { maxLength: 2 }),
    }),
    fc.record({ kind: fc.constant('symlink' as const), name, facts, target }),
    fc.record({ kind: fc.constant('directory' as const), name, facts, below: fc.array(tie('node'), { maxLength: 4 }) }),
    fc.record({ kind: fc.constant('directory' as const), name, facts, below: fc.array(tie('node'), { maxLength: 4 }) }),
  ),
}));
export const trees = fc.array(node, { minLength: 1, maxLength: 5 });

const slash = Buffer.from('/');
const within = (directory: Buffer, name: Buffer) => Buffer.concat([directory, slash, name]);

/** Makes it below the directory, through which paths stay shorter than the kernel takes. */
export function plant(directory: Buffer, nodes: readonly Node[]): void {
  const taken = new Set<string>();
  for (const node of nodes) {
    const path = within(directory, node.name);
    if (taken.has(node.name.toString('latin1')) || path.length > 3000) continue;
    taken.add(node.name.toString('latin1'));
    if (node.kind === 'symlink') symlinkSync(node.target, path);
    else if (node.kind === 'directory') {
      mkdirSync(path);
      plant(path, node.below);
    } else {
      writeFile(path, node.content, node.hole);
      for (const other of node.linkedAs) {
        if (taken.has(other.toString('latin1'))) continue;
        taken.add(other.toString('latin1'));
        linkSync(path, within(directory, other));
      }
    }
    const { mode, uid, gid, mtime } = node.facts;
    if (node.kind === 'symlink') lchownSync(path, uid, gid);
    else {
      chownSync(path, uid, gid);
      chmodSync(path, mode);
    }
    lutimesSync(path, mtime, mtime);
  }
}

function writeFile(path: Buffer, content: Buffer, hole: number): void {
  const fd = openSync(path, 'wx');
  writeSync(fd, content, 0, content.length, hole);
  ftruncateSync(fd, 2 * hole + content.length);
  closeSync(fd);
}

/** What there is below the directory: one line for each name, and which names are one file. */
export function seen(directory: Buffer, below = Buffer.alloc(0), first = new Map<number, string>()): string[] {
  const lines: string[] = [];
  const names = readdirSync(directory, { encoding: 'buffer' }).sort(Buffer.compare);
  for (const name of names) {
    const path = within(directory, name);
    const place = below.length === 0 ? name : within(below, name);
    const { mode, uid, gid, mtimeMs, size, ino } = lstatSync(path);
    const said = `${place.toString('latin1')} ${(mode & 0o7777).toString(8)} ${uid}:${gid} ${Math.floor(mtimeMs / 1000)}`;
    const format = mode & 0o170000;
    if (format === 0o120000) lines.push(`${said} -> ${readlinkSync(path, { encoding: 'buffer' }).toString('latin1')}`);
    else if (format === 0o040000) lines.push(`${said} directory`, ...seen(path, place, first));
    else {
      const hash = createHash('sha256').update(readFileSync(path)).digest('hex');
      lines.push(`${said} ${size} ${hash} as ${first.get(ino) ?? 'itself'}`);
      if (!first.has(ino)) first.set(ino, place.toString('latin1'));
    }
  }
  return lines;
}
