import type { Command } from 'commander';
import type { InitOptions } from '../commands/init.ts';
import type { Start } from './program.ts';
import { duration } from './values.ts';

/** The command that makes a pod's volume ready: init. */
export function defineInit(program: Command, start: Start): void {
  program
    .command('init')
    .description('put the emissary into the pod’s shared volume, for an init container; needs no agent')
    .option('--dir <path>', 'where the shared volume is mounted', '/var/run/argo')
    .option('--name <name>', 'the file’s name there', 'podhand-emissary')
    .option('--binary <path>', 'the binary, with its sum in PATH.sha256 (default: the one that belongs to podhand)')
    .option(
      '--template <file>',
      'also put the template there that says what to save and wait for; - reads it from stdin',
    )
    .option(
      '--collect-within <duration>',
      'keep each container that has ended until an agent holds its files, so long at most (1m)',
      duration,
    )
    .addHelpText(
      'after',
      '\nExamples:\n  podhand init\n  podhand init --dir /shared/podhand --template /etc/podhand/template.json',
    )
    .action((options: InitOptions, command: Command) =>
      start(command, async (session) => (await import('../commands/init.ts')).init(session, options)),
    );
}
