import { PodhandError } from '../../wire/errors.ts';
import { fromLocal } from '../local-failure.ts';
import type { OutputFormat } from '../output/document.ts';
import { printable } from '../output/text.ts';
import { hintFor } from './hints.ts';

/**
 * What stderr gets for a failure: `podhand: <message> (<reason>)` and a hint, or with `-o json` one line of JSON with
 * error, reason, code, details and hint.
 */
export function failureText(error: unknown, format: OutputFormat | undefined): string {
  const failure = fromLocal(error);
  return text(failure, hintFor(failure.reason), format);
}

/** The same for a command line that is wrong; `message` is commander's. */
export function usageErrorText(message: string, format: OutputFormat | undefined): string {
  const words = message.replace(/^error: /, '').replaceAll('\n', ' ');
  return text(new PodhandError('INVALID_REQUEST', words), '"podhand COMMAND --help" shows how it is called', format);
}

function text(failure: PodhandError, hint: string | undefined, format: OutputFormat | undefined): string {
  const { message, reason, code, details } = failure;
  if (format === 'json') {
    return `${JSON.stringify({ error: message, reason, code, details, ...(hint === undefined ? {} : { hint }) })}\n`;
  }
  const line = `podhand: ${printable(message)} (${reason})\n`;
  return hint === undefined ? line : `${line}hint: ${hint}\n`;
}
