import { execFileSync } from 'node:child_process';
import { closeSync, linkSync, mkdirSync, readdirSync, readSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect } from 'vitest';
import { Budget } from '../../src/agent/files/budget.ts';
import { walkTree } from '../../src/agent/files/walk.ts';
import { PodhandError } from '../../src/wire/errors.ts';
import { wide } from '../files/container-root.ts';
import { type Attempt, attackOn } from './attack.ts';
import { startPython } from './python-process.ts';
import { forms, RacePlace, swappedKinds } from './race-place.ts';

/** Met in each form; their number ends a race, never the clock. */
const entries = 100_000;
const withinMs = 600_000;
const attack = attackOn('shared');
const mine = 'of the tree';

/** Names of a tree, two by two; returns them in the order in which they are exchanged. */
function plant(tree: string, outside: string): string[] {
  mkdirSync(tree);
  const pairs: string[] = [];
  const pair = (name: string, make: (path: string) => void) => {
    writeFileSync(join(tree, name), mine);
    make(join(tree, `${name}-other`));
    pairs.push(name, `${name}-other`);
  };
  const directory = (path: string) => {
    mkdirSync(path);
    writeFileSync(join(path, 'file'), mine);
  };
  pair('link', (path) => symlinkSync(join(outside, 'file'), path));
  pair('climbing', (path) => symlinkSync(`../../../../../../../..${outside}`, path));
  pair('directory', directory);
  pair('hard', (path) => linkSync(join(tree, 'hard'), path));
  for (const [, , program, rest] of swappedKinds) {
    pair(program, (path) => execFileSync(program, [path, ...rest]));
  }
  directory(join(tree, 'parent'));
  symlinkSync(outside, join(tree, 'parent-other'));
  return [...pairs, 'parent', 'parent-other', 'directory-other', 'climbing-other'];
}

describe.each(forms)('walking a tree while its entries change, %s', (_, ofVolume) => {
  let there: RacePlace;
  beforeEach(() => {
    there = new RacePlace(ofVolume);
  });
  afterEach(() => there.close());

  const through = ofVolume ? 'LINK_LEAVES_VOLUME' : 'of the container';
  const body = async (attempt: Attempt) => {
    const tree = join(there.data, 'tree');
    const pairs = plant(tree, there.outside);
    symlinkSync(there.outside, join(there.data, 'link'));
    // First: it stays in the directory that it was started in.
    const stops = [
      await startPython('swap.py', tree, ...pairs),
      await startPython('swap.py', there.data, 'tree', 'link'),
    ];
    const before = readdirSync('/proc/self/fd').length;
    const seen = new Map<string, number>();
    const count = (what: string, by = 1) => void seen.set(what, (seen.get(what) ?? 0) + by);
    let met = 0;
    try {
      for (let walks = 0; met < entries; walks++) {
        const budget = new Budget(wide);
        const failed = walked(there, budget, count);
        if (failed !== undefined) count(failed);
        for (const [what, skipped] of Object.entries(budget.skipped)) count(what, skipped);
        met += budget.entries + budget.skipped.fifos + budget.skipped.devices + (failed === undefined ? 0 : 1);
        if (walks % 100 === 0) await turn();
      }
      expect(readdirSync('/proc/self/fd').length).toBe(before);
    } finally {
      for (const stop of stops) await stop();
    }
    attempt.operations(met);
    const wanted = [mine, through, 'directory', 'symlink', 'hardlink', 'fifos', 'devices'];
    const counts = ['file', 'leave', 'vanished', 'sockets', 'mounts'];
    const allowed = [...wanted, ...counts, 'PATH_CHANGED', 'FILE_NOT_FOUND', 'SYMLINK_LOOP'];
    expect([...seen.keys()].filter((what) => !allowed.includes(what))).toEqual([]);
    expect(seen.get('mounts')).toBe(0);
    // Each of these was met, or there was no race to survive.
    for (const what of wanted) expect(seen.get(what) ?? 0, what).toBeGreaterThan(entries / 10_000);
  };
  const name =
    'a tree whose entries, and itself, are exchanged with links, FIFOs and devices: never a byte of the node';
  attack([4, 5, 13, 15], name, body, withinMs);
});

/** One walk: counts its events and what its files hold. Why it failed, if it did. */
function walked(
  { opener, place, policy }: RacePlace,
  budget: Budget,
  count: (what: string) => void,
): string | undefined {
  const buffer = Buffer.alloc(64);
  try {
    const top = opener.openTree(place, Buffer.from('/data/tree'), policy);
    for (const event of walkTree({ opener, policy, budget, step: () => undefined }, top, Buffer.from('tree'))) {
      count(event.type);
      if (event.type !== 'file') continue;
      const bytes = readSync(event.fd, buffer);
      closeSync(event.fd);
      count(buffer.toString('latin1', 0, bytes));
    }
    return undefined;
  } catch (error) {
    if (error instanceof PodhandError) return error.reason;
    throw error;
  }
}
