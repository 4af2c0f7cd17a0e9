import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { cases } from './cases.ts';
import { columns } from './columns.ts';
import { attackTable, keptCells, type TriedTest, withTable } from './table.ts';

const everything: TriedTest[] = cases.flatMap(({ number, on }) =>
  on.map((by) => ({ cases: [number], by, operations: 0, passed: true })),
);

test('54 cases, each in every column: tried, or with a reason', () => {
  expect(cases.map(({ number }) => number)).toEqual(Array.from({ length: 54 }, (_, at) => at + 1));
  for (const { on, elsewhere } of cases) {
    expect([...on, ...Object.keys(elsewhere)].sort()).toEqual([...columns].sort());
  }
});

test('what was not tried is missing, what did not hold has failed', () => {
  expect(attackTable(everything)).toMatchObject({ missing: [], failed: [] });
  const without = everything.filter(({ by, cases: [number] }) => by !== 'kubelet' || number !== 17);
  expect(attackTable(without)).toMatchObject({ missing: ['17/kubelet'], failed: [] });
  const again = { cases: [4, 5], by: 'pns', operations: 7000, passed: false } as const;
  const broken = attackTable([...everything, again]);
  expect(broken).toMatchObject({ missing: [], failed: ['4/pns', '5/pns'] });
  expect(broken.text).toContain('FAILED (1 of 2)');
  expect(attackTable([...everything, { ...again, passed: true }]).text).toContain('held (2; 7,000 ops)');
});

test('what a run has not tried is kept of one under the same heading, and of no other', () => {
  const places = withTable('<!-- attacks: begin (npm run attacks) -->\n<!-- attacks: end -->', '');
  const first = attackTable(everything.filter(({ by }) => by !== 'pns'));
  const document = withTable(places, `Tried today.\n\n${first.text}`);
  const pns = everything.filter(({ by }) => by === 'pns');
  expect(attackTable(pns, keptCells(document, 'Tried today.'))).toEqual(attackTable(everything));
  expect(attackTable(pns, keptCells(document, 'Tried tomorrow.'))).toEqual(attackTable(pns));
});

test('docs/security.md has the table of these cases', () => {
  const document = readFileSync(new URL('../../docs/security.md', import.meta.url), 'utf8');
  const told = (text: string) =>
    text
      .split('\n')
      .filter((line) => /^\| (\d|#)/.test(line))
      .map((line) => line.split(/ *\| */).slice(1, 4));
  expect(told(document)).toEqual(told(withTable(document, attackTable(everything).text)));
});
