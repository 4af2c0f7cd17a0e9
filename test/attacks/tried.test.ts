import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const here = import.meta.dirname;
const root = join(here, '../..');
const vitest = join(root, 'node_modules/vitest');

const leaking = `
import { beforeAll, describe, expect, test } from '${vitest}/dist/index.js';
import { attackOn } from '${here}/attack.ts';
const attack = attackOn('docker');
attack(1, 'holds', () => {});
let tries = 0;
attack(2, 'leaks once', () => expect(tries++).toBe(1));
let others = 0;
const meta = { attack: { cases: [4], by: 'docker', operations: 0 } };
test('leaks once, in a test that is tried again', { meta, retry: 1 }, () => expect(others++).toBe(1));
describe('a machine that is busy', () => {
  beforeAll(() => { throw new Error('not up in time'); });
  attack(5, 'is not set up', () => {});
});
`;
const reporter = `
import { writeFileSync } from 'node:fs';
import { triedIn } from '${here}/tried.ts';
export default class {
  onTestRunEnd(modules) {
    const tried = modules.flatMap((module) => [...triedIn(module)]).map(({ cases, passed }) => [...cases, passed]);
    const tests = modules.flatMap((module) => [...module.children.allTests()]);
    const again = tests.filter((test) => test.diagnostic()?.retryCount > 0).map(({ name }) => name);
    writeFileSync('told.json', JSON.stringify({ tried, again }));
  }
}
`;

test('an attack that leaks in one of two tries has not held, and one that is not set up was not tried', () => {
  const directory = mkdtempSync(join(tmpdir(), 'podhand-tried-'));
  try {
    writeFileSync(join(directory, 'leaking.test.ts'), leaking);
    writeFileSync(join(directory, 'reporter.ts'), reporter);
    writeFileSync(join(directory, 'vitest.config.js'), "export default { test: { tags: [{ name: 'attack' }] } };");
    const args = ['run', '--retry=1', '--reporter=./reporter.ts'];
    const { stderr } = spawnSync(process.execPath, [join(vitest, 'vitest.mjs'), ...args], {
      cwd: directory,
      timeout: 60_000,
    });
    const told = JSON.parse(readFileSync(join(directory, 'told.json'), 'utf8'));
    expect(told, stderr.toString()).toEqual({
      tried: [
        [1, true],
        [2, false],
        [4, false],
      ],
      again: ['leaks once, in a test that is tried again'],
    });
  } finally {
    rmSync(directory, { recursive: true });
  }
});
