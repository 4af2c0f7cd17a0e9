import { test } from 'vitest';
import { cases } from './cases.ts';
import type { Column } from './columns.ts';

/** What a test tried, for the table. */
export interface Tried {
  readonly cases: readonly number[];
  readonly by: Column;
  /** Of a race, so far. */
  operations: number;
}

declare module 'vitest' {
  interface TaskMeta {
    attack?: Tried;
  }
}

export interface Attempt {
  /** Says how many operations of a race have been made, beside those that were said before. */
  operations(count: number): void;
}

export interface AttackTest {
  (cases: number | readonly number[], name: string, body: (attempt: Attempt) => unknown, timeout?: number): void;
  /** The same for each row; its first part is put into the name for `%s`. */
  each<Row extends readonly [string, ...unknown[]]>(
    rows: readonly Row[],
  ): (cases: number | readonly number[], name: string, body: (...row: Row) => unknown) => void;
}

/** Like `test`, for what tries one or more of the cases with an executor. It has one try, whatever the run says. */
export function attackOn(by: Column): AttackTest {
  const attack = (...[numbers, name, body, timeout]: Parameters<AttackTest>) => {
    const tried = [numbers].flat();
    for (const number of tried) {
      const on = cases[number - 1]?.on;
      if (!on?.includes(by)) throw new Error(`case ${number} is not one that concerns ${by}: "${name}"`);
    }
    const options = {
      tags: ['attack'],
      // What leaks once in two tries leaks.
      retry: 0,
      meta: { attack: { cases: tried, by, operations: 0 } },
      ...(timeout !== undefined && { timeout }),
    };
    test(`${tried.map((number) => `#${number}`).join(' ')} ${name}`, options, async ({ task }) => {
      const made: Tried = { cases: tried, by, operations: 0 };
      task.meta.attack = made;
      await body({
        operations: (count) => {
          made.operations += count;
        },
      });
    });
  };
  const each: AttackTest['each'] = (rows) => (numbers, name, body) => {
    for (const row of rows) attack(numbers, name.replace('%s', row[0]), () => body(...row));
  };
  return Object.assign(attack, { each });
}
