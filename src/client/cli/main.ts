import { readFileSync } from 'node:fs';
import { type Command, CommanderError } from 'commander';
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
  const asJson = wantsJson(argv);
  if (asJson) silenceUsageErrors(program);
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
    if (asJson)
      process.stderr.write(
        `${JSON.stringify({ error: error.message, reason: 'INVALID_REQUEST', code: 3, details: {} })}\n`,
      );
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

/** Before anything is parsed, since it is parsing that may fail. */
function wantsJson(argv: readonly string[]): boolean {
  return argv.some(
    (word, index) =>
      word === '-ojson' ||
      word === '--output=json' ||
      (word === 'json' && ['-o', '--output'].includes(argv[index - 1] ?? '')),
  );
}

function silenceUsageErrors(program: Command): void {
  for (const command of [program, ...program.commands]) command.configureOutput({ outputError: () => undefined });
}

function endOfReader(error: NodeJS.ErrnoException): void {
  // `podhand logs main | head` has read enough.
  process.exit(error.code === 'EPIPE' ? 0 : failureCode);
}
