import { readFileSync } from 'node:fs';
import { relative } from 'node:path';

/** What vitest's JSON reporter writes, as far as it is looked at. */
interface TestReport {
  readonly testResults: readonly {
    readonly name: string;
    readonly startTime: number;
    readonly endTime: number;
    readonly message: string;
    readonly assertionResults: readonly {
      readonly fullName: string;
      readonly status: string;
      readonly failureMessages: readonly string[];
    }[];
  }[];
}

const slowest = 25;
/** Of what a test failed with: how it begins says what was wanted, how it ends says why it was not. */
const [beginning, end] = [1500, 2500];

/**
 * Of several runs: which files took the most time, to be cut first; what failed in a first try, and not in the second;
 * and once more what failed.
 */
export function testSummary(reportFiles: readonly string[]): string {
  const files = reportFiles.flatMap((path) => (JSON.parse(readFileSync(path, 'utf8')) as TestReport).testResults);
  const times = files
    .map(({ name, startTime, endTime }) => ({ name, seconds: (endTime - startTime) / 1000 }))
    .sort((a, b) => b.seconds - a.seconds);
  const all = times.reduce((sum, { seconds }) => sum + seconds, 0);
  const failures = files.flatMap(({ name, message, assertionResults }) => {
    const told = toldOf('FAILED', name, assertionResults, 'failed');
    return message === '' || told.length > 0 ? told : [`FAILED ${short(name)}\n${text(message)}`];
  });
  const retried = files.flatMap(({ name, assertionResults }) => toldOf('RETRIED', name, assertionResults, 'passed'));
  const heading = `slowest of ${files.length} files, which took ${all.toFixed(0)} s in all`;
  const lines = times
    .slice(0, slowest)
    .map(({ name, seconds }) => `${seconds.toFixed(0).padStart(6)} s  ${short(name)}`);
  return [heading, ...lines, ...retried, ...failures].join('\n');
}

/** Of those of that status that had failed at least once. */
function toldOf(
  word: string,
  name: string,
  assertions: TestReport['testResults'][number]['assertionResults'],
  wanted: string,
): string[] {
  return assertions
    .filter(({ status, failureMessages }) => status === wanted && failureMessages.length > 0)
    .map(({ fullName, failureMessages }) => `${word} ${short(name)}: ${fullName}\n${text(failureMessages.join('\n'))}`);
}

function short(name: string): string {
  return relative(process.cwd(), name);
}

function text(message: string): string {
  const cut = message.length - beginning - end;
  const shown = cut <= 0 ? message : `${message.slice(0, beginning)}\n[${cut} characters more]\n${message.slice(-end)}`;
  return shown.replace(/^/gm, '  ');
}
