import { readFileSync } from 'node:fs';
import { CommanderError } from 'commander';
import { failureCode } from './exit-codes.ts';
import { createProgram } from './program.ts';

/**
 * The command `podhand`, without `agent`. Answers the exit code: 0, what the command says, 64 for a failure or a
 * usage error, 130 and 143 after a signal. Failures are on stderr by then.
 */
export async function main(argv: readonly string[]): Promise<number> {
  let exitCode = 0;
  const program = createProgram(async (command, body) => {
    const { runCommand } = await import('./run-command.ts');
    exitCode = await runCommand(command.optsWithGlobals(), body);
  }, version());
  // Only what asks for completion loads it; it adds its commands to the finished tree.
  if (argv[0] === 'completion' || argv[0] === 'complete') {
    const { addCompletion } = await import('./completion.ts');
    await addCompletion(program, argv);
  } else {
    program.command('completion <shell>').description('print the completion script of bash, zsh or fish');
  }
  process.stdout.on('error', endOfReader);
  try {
    await program.parseAsync(argv, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return 0;
    // Called without a command: the help is on stderr already.
    if (error.code === 'commander.help') return failureCode;
    const { usageErrorText } = await import('./failure-line.ts');
    process.stderr.write(usageErrorText(error.message, wantsJson(argv) ? 'json' : undefined));
    return failureCode;
  }
  return exitCode;
}

function version(): string {
  const manifest: { version: string } = JSON.parse(
    readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'),
  );
  return manifest.version;
}

/** From the words themselves, since parsing them has failed. */
function wantsJson(argv: readonly string[]): boolean {
  return /(^|\n)(-o=?|--output=?)\n?json(\n|$)/.test(argv.join('\n'));
}

function endOfReader(error: NodeJS.ErrnoException): void {
  // `podhand logs main | head` has read enough.
  process.exit(error.code === 'EPIPE' ? 0 : failureCode);
}
