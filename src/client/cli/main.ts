import { readFileSync } from 'node:fs';
import { Argument, type Command, CommanderError } from 'commander';
import { failureCode } from './exit-codes.ts';
import { createProgram } from './program.ts';

/**
 * The command `podhand`, without `agent`. Answers the exit code: 0, what the command says, 64 for a failure or a
 * usage error, 130 and 143 after a signal. Failures are on stderr by then.
 */
export async function main(argv: readonly string[]): Promise<number> {
  let exitCode = 0;
  const tree = (): Command =>
    createProgram(async (command, body) => {
      const { runCommand } = await import('./run-command.ts');
      exitCode = await runCommand(command.optsWithGlobals(), body);
    }, version());
  const program = tree();
  defineCompletion(program, tree);
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

/** Completion describes a tree of its own, to which it adds its commands. */
function defineCompletion(program: Command, tree: () => Command): void {
  program
    .command('completion')
    .addArgument(new Argument('<shell>').choices(['bash', 'zsh', 'fish']))
    .description('print the completion script of a shell')
    .addHelpText('after', '\nExamples:\n  source <(podhand completion bash)\n  podhand completion fish | source')
    .action(async (shell: string) => (await import('./completion.ts')).printScript(tree(), shell));
  program
    .command('complete [words...]', { hidden: true })
    .action(async (words: string[], _options: object, command: Command) => {
      await (await import('./completion.ts')).printCompletions(tree(), words, command.optsWithGlobals());
    });
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
