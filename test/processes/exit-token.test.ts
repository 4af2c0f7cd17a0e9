import { expect, test } from 'vitest';
import { STOP, statOf, tokenOf } from '../../src/agent/processes/exit-token.ts';

test.each([
  [1, undefined, undefined],
  [1, 0, 0],
  [2 ** 31 - 1, 1_048_575, 1_048_575],
  // Travels not, and passes for none.
  [3, 2 ** 22, undefined],
])('order %s with descriptor %s brings back %s', (order, stat, back) => {
  const token = tokenOf(order, stat);
  expect(Number.isSafeInteger(token)).toBe(true);
  expect(token).not.toBe(STOP);
  expect(statOf(token)).toBe(back);
});
