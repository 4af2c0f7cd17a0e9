/** Signals of Linux by number; amd64 and arm64 agree. */
const names = [
  ...['', 'HUP', 'INT', 'QUIT', 'ILL', 'TRAP', 'ABRT', 'BUS', 'FPE', 'KILL', 'USR1', 'SEGV', 'USR2', 'PIPE', 'ALRM'],
  ...['TERM', 'STKFLT', 'CHLD', 'CONT', 'STOP', 'TSTP', 'TTIN', 'TTOU', 'URG', 'XCPU', 'XFSZ', 'VTALRM', 'PROF'],
  ...['WINCH', 'IO', 'PWR', 'SYS'],
];

export const lastSignal = 64;
export const SIGKILL = 9;
export const SIGPIPE = 13;
export const SIGTERM = 15;
export const SIGCHLD = 17;

/** `SIGTERM`; `signal 40` for what has no name. */
export function signalName(signal: number): string {
  const name = names[signal];
  return name ? `SIG${name}` : `signal ${signal}`;
}

/** `TERM`, `SIGTERM`, `term` or `15`; undefined for what is no signal. */
export function parseSignal(text: string): number | undefined {
  const trimmed = text.trim();
  const number = /^\d{1,2}$/.test(trimmed) ? Number(trimmed) : names.indexOf(trimmed.toUpperCase().replace(/^SIG/, ''));
  return number >= 1 && number <= lastSignal ? number : undefined;
}

/** What does not end a process that has no handler: CHLD, CONT, URG, WINCH are ignored; the others stop it. */
const harmless = new Set([17, 18, 19, 20, 21, 22, 23, 28]);

/** Whether the signal ends a process that does nothing about it. */
export function isDeadly(signal: number): boolean {
  return !harmless.has(signal) && signal !== SIGPIPE;
}

/** Whether it asks the command to end, after which it is not tried again: HUP, INT, QUIT, KILL, TERM. */
export function asksToEnd(signal: number): boolean {
  return [1, 2, 3, SIGKILL, SIGTERM].includes(signal);
}
