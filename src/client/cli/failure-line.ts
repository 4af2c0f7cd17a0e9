import { fromLocal } from '../local-failure.ts';
import type { OutputFormat } from '../output/document.ts';
import { printable } from '../output/text.ts';
import { hintFor } from './hints.ts';

/**
 * What stderr gets for a failure: `podhand: <message> (<reason>)` and a hint, or with `-o json` one line of JSON with
 * error, reason, code, details and hint.
 */
export function failureText(error: unknown, format: OutputFormat | undefined): string {
  const { message, reason, code, details } = fromLocal(error);
  const hint = hintFor(reason);
  if (format === 'json') {
    return `${JSON.stringify({ error: message, reason, code, details, ...(hint === undefined ? {} : { hint }) })}\n`;
  }
  const line = `podhand: ${printable(message)} (${reason})\n`;
  return hint === undefined ? line : `${line}hint: ${hint}\n`;
}
