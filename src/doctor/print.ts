import { document, type OutputFormat } from '../client/output/document.ts';
import { table } from '../client/output/table.ts';
import type { ExecutorReport } from './examine.ts';

/** The reports as people or programs read them. */
export async function printed(executors: readonly ExecutorReport[], format: OutputFormat): Promise<string> {
  if (format !== 'table') return await document(JSON.parse(JSON.stringify({ executors })), format);
  const head = table(
    ['EXECUTOR', 'CONFIGURED', 'CAN RUN', 'MISSING'],
    executors.map(({ name, configured, canRun, checks }) => [
      name,
      configured ? 'yes' : 'no',
      canRun ? 'yes' : 'no',
      missing(checks),
    ]),
  );
  const names = [...new Set(executors.flatMap(({ checks }) => checks.map((check) => check.name)))];
  const rows = names.map((name) => {
    const all = executors.map(({ checks }) => checks.find((check) => check.name === name));
    const first = all.find((check) => check !== undefined);
    const needs = executors.flatMap((executor, index) => (all[index]?.required ? [executor.name] : []));
    return [name, first?.ok ? 'ok' : 'missing', needs.join(', ') || 'none', first?.found ?? '', first?.remedy ?? ''];
  });
  return `${head}\n${table(['CHECK', 'RESULT', 'REQUIRED BY', 'FOUND', 'WHAT TO DO'], rows)}`;
}

function missing(checks: ExecutorReport['checks']): string {
  return checks
    .filter(({ required, ok }) => required && !ok)
    .map(({ name }) => name)
    .join(', ');
}
