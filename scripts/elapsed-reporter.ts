import type { Reporter, TestModule } from 'vitest/node';

/** Since when the whole run goes on, in milliseconds since 1970; it is several runs of vitest. */
export const beganVariable = 'PODHAND_TEST_BEGAN';

/** Says with each file how long the whole run has taken so far: of one that is ended from outside, where the time went. */
export default class ElapsedReporter implements Reporter {
  readonly #began = Number(process.env[beganVariable] ?? Date.now());

  onTestModuleEnd({ relativeModuleId }: TestModule): void {
    process.stdout.write(`[${elapsed(Date.now() - this.#began)}] ${relativeModuleId}\n`);
  }
}

function elapsed(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}
