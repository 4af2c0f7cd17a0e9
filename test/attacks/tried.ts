import type { TestModule } from 'vitest/node';
import type {} from './attack.ts';
import type { TriedTest } from './table.ts';

/**
 * What came of a file's attacks. One that took more than one try has not held; one whose set-up failed was not tried: to
 * vitest it was skipped.
 */
export function* triedIn(module: TestModule): Iterable<TriedTest> {
  for (const test of module.children.allTests()) {
    const { attack } = test.meta();
    const { state } = test.result();
    const retries = test.diagnostic()?.retryCount ?? 0;
    if (attack !== undefined && state !== 'skipped') yield { ...attack, passed: state === 'passed' && retries === 0 };
  }
}
