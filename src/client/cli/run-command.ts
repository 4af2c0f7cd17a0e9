import { failureCode } from './exit-codes.ts';
import { failureText } from './failure-line.ts';
import { Interruption } from './interruption.ts';
import { Session } from './session.ts';
import type { GlobalOptions } from './settings.ts';

/** Runs one command to its exit code. A failure is printed here, once, unless a signal caused it. */
export async function runCommand(options: GlobalOptions, body: (session: Session) => Promise<number>): Promise<number> {
  using interruption = new Interruption();
  try {
    using session = new Session(options, interruption, process.env);
    return await body(session);
  } catch (error) {
    if (interruption.exitCode !== undefined) return interruption.exitCode;
    process.stderr.write(failureText(error, options.output));
    return failureCode;
  }
}
