import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, readSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect } from 'vitest';
import { PodhandError } from '../../src/wire/errors.ts';
import { type Attempt, attackOn } from './attack.ts';
import { startPython } from './python-process.ts';
import { forms, RacePlace, swappedKinds } from './race-place.ts';

/** In each form. */
const reads = 100_000;
const withinMs = 600_000;
const attack = attackOn('shared');

/** Somebody exchanges parts of the path as fast as the kernel can meanwhile. */
describe.each(forms)('opening a file while its path changes, %s', (_, ofVolume) => {
  let there: RacePlace;
  beforeEach(() => {
    there = new RacePlace(ofVolume);
  });
  afterEach(() => there.close());

  /** What came of it, counted. */
  async function outcomes(attempt: Attempt, path: string): Promise<Map<string, number>> {
    const { opener, place, policy } = there;
    const seen = new Map<string, number>();
    const wanted = Buffer.from(path);
    const buffer = Buffer.alloc(64);
    for (let count = 0; count < reads; count++) {
      const outcome = readOnce(() => opener.openFile(place, wanted, policy).fd, buffer);
      seen.set(outcome, (seen.get(outcome) ?? 0) + 1);
      if (count % 1000 === 0) await turn();
    }
    attempt.operations(reads);
    return seen;
  }

  const through = ofVolume ? 'LINK_LEAVES_VOLUME' : 'of the container';
  const links = [
    [4, 'absolute', () => there.outside],
    [5, 'with .. over the root', () => `../../../../../../../..${there.outside}`],
    [5, 'with .. in the middle', () => `../data/../../../../..${there.outside}`],
  ] as const;
  for (const [number, what, target] of links) {
    const body = async (attempt: Attempt) => {
      mkdirSync(join(there.data, 'parent'));
      writeFileSync(join(there.data, 'parent/file'), 'of the volume');
      symlinkSync(target(), join(there.data, 'link'));
      const stop = await startPython('swap.py', there.data, 'parent', 'link');
      const seen = await outcomes(attempt, '/data/parent/file').finally(stop);
      expectOnly(seen, ['of the volume', through], ['PATH_CHANGED', 'FILE_NOT_FOUND']);
    };
    attack(number, `a directory exchanged with a link, ${what}: never a byte of the node`, body, withinMs);
  }

  for (const [number, what, program, rest] of swappedKinds) {
    const body = async (attempt: Attempt) => {
      writeFileSync(join(there.data, 'file'), 'of the volume');
      execFileSync(program, [join(there.data, 'other'), ...rest]);
      const stop = await startPython('swap.py', there.data, 'file', 'other');
      const seen = await outcomes(attempt, '/data/file').finally(stop);
      expectOnly(seen, ['of the volume', 'NOT_A_REGULAR_FILE'], ['PATH_CHANGED', 'FILE_NOT_FOUND']);
    };
    attack(number, `a file exchanged with a ${what}: never opened`, body, withinMs);
  }
});

function readOnce(open: () => number, buffer: Buffer): string {
  let fd: number;
  try {
    fd = open();
  } catch (error) {
    if (error instanceof PodhandError) return error.reason;
    throw error;
  }
  const bytes = readSync(fd, buffer);
  closeSync(fd);
  return buffer.toString('latin1', 0, bytes);
}

/** Each of `met` was, or there was no race to survive. */
function expectOnly(seen: ReadonlyMap<string, number>, met: readonly string[], allowed: readonly string[]): void {
  expect([...seen.keys()].filter((outcome) => ![...met, ...allowed].includes(outcome))).toEqual([]);
  for (const outcome of met) expect(seen.get(outcome)).toBeGreaterThan(reads / 1000);
}
