import { expect, test } from 'vitest';
import { GivenStamps } from '../../src/agent/logs/stamped/given-stamps.ts';

interface Entry {
  readonly ms: number;
  readonly nanos?: number;
  /** It is none of the line before it. */
  readonly isOther?: boolean;
}

/** What is given of entries with these times, by their places. */
function given(...entries: readonly Entry[]): number[] {
  const stamps = new GivenStamps();
  return entries.flatMap(({ ms, nanos = 0, isOther = false }, at) => {
    const time = { seconds: Math.floor(ms / 1000), nanos: (ms % 1000) * 1e6 + nanos };
    if (stamps.repeats(time, isOther)) return [];
    stamps.add(time);
    return [at];
  });
}
const at = (...ms: number[]) => ms.map((each): Entry => ({ ms: each }));

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
    'the one line of a file begun anew, of one entry',
    at(1, 2, 2, 3).map((entry) => ({ ...entry, isOther: true })),
    [0, 1, 3],
  ],
  [
    'the one line of a file begun anew, of two entries',
    at(1, 2, 2, 2, 2, 3).map((entry, place) => ({ ...entry, isOther: place % 2 === 1 })),
    [0, 1, 2, 5],
  ],
  ['a clock set back by a nanosecond', [10, 9, 8].map((nanos): Entry => ({ ms: 5, nanos })), [0, 1, 2]],
])('%s', (_, times, wanted) => {
  expect(given(...times)).toEqual(wanted);
});

test('goes back as far as is kept, and no further', () => {
  const many = Array.from({ length: 5000 }, (_, each): Entry => ({ ms: each + 1 }));
  expect(given(...many, ...many.slice(4000), { ms: 9000 })).toHaveLength(5001);
  // Of what is too long ago it does not know that it was given.
  expect(given(...many, { ms: 100 })).toHaveLength(5001);
});
