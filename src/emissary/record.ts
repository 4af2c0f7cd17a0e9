import type { ExitStatus } from './exit-status.ts';
import { Failure, failedCode } from './failure.ts';

/** How a container ended. Times are RFC 3339. */
export interface Ending {
  readonly exitCode: number;
  /** Who decided the exit code: 64 of a command is told from 64 of the emissary by this. */
  readonly source: 'command' | 'emissary';
  /** The command's own end, where it ran. */
  readonly command?: ExitStatus;
  readonly reason?: string;
  readonly message?: string;
  readonly attempts: number;
}

/**
 * After a command that ran: its exit code, unless it succeeded and what it left could not be kept, which then is the
 * emissary's failure.
 */
export function endingOf(status: ExitStatus, attempts: number, problems: readonly string[]): Ending {
  const lost = problems.length === 0 ? {} : { reason: 'OUTPUTS_NOT_SAVED', message: problems.join('; ') };
  const failed = problems.length > 0 && status.exitCode === 0;
  return {
    exitCode: failed ? failedCode : status.exitCode,
    source: failed ? 'emissary' : 'command',
    command: status,
    attempts,
    ...lost,
  };
}

export function endingOfFailure(error: unknown, attempts: number): Ending {
  const failure =
    error instanceof Failure
      ? error
      : new Failure(
          'INTERNAL',
          `a bug, or a fault that nobody foresaw: ${error instanceof Error ? error.message : error}`,
        );
  const { exitCode, reason, message } = failure;
  return { exitCode, source: failure.ofCommand ? 'command' : 'emissary', reason, message, attempts };
}

/** As one line of JSON. */
export function recordText(ending: Ending, container: string, startedAt: number, finishedAt: number): string {
  const { command, ...rest } = ending;
  const times = { startedAt: new Date(startedAt).toISOString(), finishedAt: new Date(finishedAt).toISOString() };
  return `${JSON.stringify({ version: 1, container, ...rest, ...(command && { command }), ...times })}\n`;
}
