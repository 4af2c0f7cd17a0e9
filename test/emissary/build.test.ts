import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { buildEmissary, ensureEmissary, largestBytes } from '../../scripts/emissary/build.ts';
import { bundle } from '../../scripts/emissary/bundle.ts';
import { type Architecture, architectures } from '../../scripts/emissary/toolchain.ts';

// From nothing it takes a minute or two for both.
beforeAll(async () => {
  for (const architecture of architectures) await ensureEmissary(architecture);
}, 600_000);

/** `e_machine` of the ELF header. */
const machines: Record<Architecture, number> = { amd64: 62, arm64: 183 };

/** Types of the program headers: 2 and 3 are the dynamic section and the interpreter, which a static program has not. */
function segments(elf: Buffer): number[] {
  const [offset, size, count] = [Number(elf.readBigUInt64LE(32)), elf.readUInt16LE(54), elf.readUInt16LE(56)];
  return Array.from({ length: count }, (_, index) => elf.readUInt32LE(offset + index * size));
}

describe.each(architectures)('the binary for %s', (architecture) => {
  it('is one static file of at most 1 MiB', async () => {
    const elf = readFileSync(await ensureEmissary(architecture));
    expect(elf.length).toBeLessThanOrEqual(largestBytes);
    expect(elf.readUInt16LE(18)).toBe(machines[architecture]);
    expect(segments(elf)).not.toContain(3);
    expect(segments(elf)).not.toContain(2);
  });

  it('is built again byte by byte', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'podhand-build-'));
    try {
      await buildEmissary(architecture, await bundle(), join(directory, 'again'));
      const digest = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex');
      expect(digest(join(directory, 'again'))).toBe(digest(await ensureEmissary(architecture)));
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});

it('the script knows nothing of Node', async () => {
  const script = await bundle();
  expect([...script.matchAll(/from "([^"]+)"/g)].map(([, name]) => name).sort()).toEqual(
    [...new Set(['native', 'os', 'std'])]
      .flatMap((name) =>
        script
          .split(`from "${name}"`)
          .slice(1)
          .map(() => name),
      )
      .sort(),
  );
  expect(script).not.toMatch(/\bprocess\./);
});
