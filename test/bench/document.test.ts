import { describe, expect, test } from 'vitest';
import { performanceTable } from '../../bench/document.ts';
import { figures } from '../../bench/figures.ts';
import { type Judged, Report, type Row } from '../../bench/report.ts';
import { GeneratedPart } from '../../scripts/markdown/part.ts';
import { tableCells } from '../../scripts/markdown/table.ts';

function judged(row: Partial<Row>): Judged {
  const report = new Report(() => undefined);
  const goals = [{ of: 'p50', ratioAtMost: 1.3 }] as const;
  report.add({ what: 'call', peer: 'echo', unit: 'ms', podhand: figures([2]), against: figures([1]), goals, ...row });
  return report.rows[0] as Judged;
}

describe('table of the bench', () => {
  test('figures of both, their ratio, and what came of the goal', () => {
    expect(tableCells(performanceTable([judged({}), judged({ what: 'faster', podhand: figures([0.5]) })], []))).toEqual(
      [
        ['call', 'echo', '2.00 / 2.00 ms', '1.00 / 1.00 ms', '2.00 / 2.00', 'ratio at p50 at most 1.30: **missed**'],
        ['faster', 'echo', '0.500 / 0.500 ms', '1.00 / 1.00 ms', '0.500 / 0.500', 'ratio at p50 at most 1.30: met'],
      ],
    );
  });

  test('a row that was measured again takes the place of the earlier one, the others stay', () => {
    const earlier = tableCells(performanceTable([judged({ what: 'a' }), judged({ what: 'b' })], []));
    const table = performanceTable([judged({ what: 'b', podhand: figures([9]) }), judged({ what: 'c' })], earlier);
    expect(tableCells(table).map(([what, , ours]) => [what, ours])).toEqual([
      ['a', '2.00 / 2.00 ms'],
      ['b', '9.00 / 9.00 ms'],
      ['c', '2.00 / 2.00 ms'],
    ]);
  });
});

describe('generated part of a document', () => {
  const part = new GeneratedPart('bench', 'npm run bench');
  const document = 'before\n<!-- bench: begin (npm run bench) -->\nold\n<!-- bench: end -->\nafter\n';

  test('is replaced, and nothing else', () => {
    const replaced = part.replaced(document, 'new');
    expect(replaced).toBe('before\n<!-- bench: begin (npm run bench) -->\n\nnew\n<!-- bench: end -->\nafter\n');
    expect(part.of(replaced)).toBe('new');
  });

  test('that has no end, or no beginning, is an error and loses nothing', () => {
    for (const line of document.split('\n').filter((each) => each.startsWith('<!--')))
      expect(() => part.replaced(document.replace(line, ''), 'new')).toThrow('has no place between');
  });
});
