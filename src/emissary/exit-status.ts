import { signalName } from './signals.ts';

/** How a command ended. `exitCode` is what a shell shows: 128 + n after signal n. */
export interface ExitStatus {
  readonly exitCode: number;
  readonly signal?: number;
}

/** Reads the status that wait() gives. */
export function exitStatus(status: number): ExitStatus {
  const signal = status & 0x7f;
  return signal === 0 ? { exitCode: (status >> 8) & 0xff } : { exitCode: 128 + signal, signal };
}

/** `exited with 3`, `was ended by SIGKILL`. */
export function describeEnd({ exitCode, signal }: ExitStatus): string {
  return signal === undefined ? `exited with ${exitCode}` : `was ended by ${signalName(signal)}`;
}
