import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Reporter, SerializedError, TestModule } from 'vitest/node';
import { machine } from './machine.ts';
import { attackTable, keptCells, withTable } from './table.ts';
import { triedIn } from './tried.ts';

const document = fileURLToPath(new URL('../../docs/security.md', import.meta.url));

/** Writes what came of the cases into docs/security.md; a case that was left out, or did not hold, fails the run. */
export default class AttackReporter implements Reporter {
  async onTestRunEnd(modules: readonly TestModule[], errors: readonly SerializedError[]): Promise<void> {
    const heading = await machine();
    const before = readFileSync(document, 'utf8');
    const tried = modules.flatMap((module) => [...triedIn(module)]);
    const { text, missing, failed } = attackTable(tried, keptCells(before, heading));
    writeFileSync(document, withTable(before, `${heading}\n\n${text}`));
    for (const [what, places] of Object.entries({ missing, failed })) {
      if (places.length > 0) process.stderr.write(`attacks ${what}: ${places.join(' ')}\n`);
    }
    if (missing.length + failed.length + errors.length > 0) process.exitCode = 1;
  }
}
