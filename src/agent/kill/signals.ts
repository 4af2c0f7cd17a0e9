import { PodhandError } from '../../wire/errors.ts';

/** The signals that may be sent, with their numbers on Linux (x86-64 and arm64 agree). */
export const signalNumbers = {
  HUP: 1,
  INT: 2,
  QUIT: 3,
  ABRT: 6,
  KILL: 9,
  USR1: 10,
  USR2: 12,
  ALRM: 14,
  TERM: 15,
  CONT: 18,
  STOP: 19,
  TSTP: 20,
  WINCH: 28,
} as const;

export type SignalName = keyof typeof signalNumbers;

/** `TERM` for 15; the number itself where it is none of those that may be sent. */
export function nameOfSignal(number: number): string {
  return Object.entries(signalNumbers).find(([, known]) => known === number)?.[0] ?? String(number);
}

/** `TERM`, `SIGTERM`, `term` or `15`. Errors: INVALID_SIGNAL. */
export function parseSignal(text: string): SignalName {
  const wanted = text.toUpperCase().replace(/^SIG/, '');
  for (const [name, number] of Object.entries(signalNumbers)) {
    if (name === wanted || String(number) === wanted) return name as SignalName;
  }
  const known = Object.keys(signalNumbers).join(' ');
  throw new PodhandError('INVALID_SIGNAL', `signal "${text.slice(0, 32)}" cannot be sent; allowed are ${known}`);
}
