import { expect, test } from 'vitest';
import { GivenStamps } from '../../src/agent/logs/stamped/given-stamps.ts';

/** What is given of entries with these times, in milliseconds and nanoseconds, by their places. */
function given(...times: readonly (readonly [ms: number, nanos?: number])[]): number[] {
  const stamps = new GivenStamps();
  return times.flatMap(([ms, nanos = 0], at) => {
    const time = { seconds: Math.floor(ms / 1000), nanos: (ms % 1000) * 1e6 + nanos };
    if (stamps.repeats(time)) return [];
    stamps.add(time);
    return [at];
  });
}
const at = (...ms: number[]) => ms.map((each) => [each] as const);

test.each([
  ['each once', at(1, 2, 3, 1500, 90_000), [0, 1, 2, 3, 4]],
  ['parts of one line', at(1, 1, 1, 2), [0, 1, 2, 3]],
  ['a file begun anew, and what is new behind it', at(1, 2, 3, 4, 3, 4, 5, 6), [0, 1, 2, 3, 6, 7]],
  ['from its one line on', at(1, 2, 3, 2, 3, 4), [0, 1, 2, 5]],
  ['twice', at(1, 2, 3, 2, 3, 4, 2, 3, 4, 5), [0, 1, 2, 5, 9]],
  ['begun anew in the middle of that', at(1, 2, 3, 4, 2, 3, 2, 3, 4, 5), [0, 1, 2, 3, 9]],
  ['with parts of lines', at(1, 2, 2, 3, 2, 2, 3, 3, 4), [0, 1, 2, 3, 7, 8]],
  ['a clock that was set back', at(10_000, 10_001, 500, 501, 502, 10_000.5), [0, 1, 2, 3, 4, 5]],
  ['a clock that was set back, and a repetition', at(10_000, 10_001, 500, 501, 500, 501, 502), [0, 1, 2, 3, 6]],
  [
    'a clock set back by a nanosecond',
    [
      [5, 10],
      [5, 9],
      [5, 8],
    ] as const,
    [0, 1, 2],
  ],
])('%s', (_, times, wanted) => {
  expect(given(...times)).toEqual(wanted);
});

test('goes back as far as is kept, and no further', () => {
  const many = Array.from({ length: 5000 }, (_, each) => [each + 1] as const);
  expect(given(...many, ...many.slice(4000), [9000])).toHaveLength(5001);
  // Of what is too long ago it does not know that it was given.
  expect(given(...many, [100])).toHaveLength(5001);
});
