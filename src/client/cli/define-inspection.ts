import { type Command, Option } from 'commander';
import type { EntrypointOptions } from '../commands/entrypoint.ts';
import type { StatsOptions } from '../commands/stats.ts';
import type { TopOptions } from '../commands/top.ts';
import type { Start } from './program.ts';
import * as values from './values.ts';

/** The commands that look: info, health, ps, stats, top, entrypoint. */
export function defineInspection(program: Command, start: Start): void {
  program
    .command('info')
    .description('print what answers here, for which pod, and what it can do')
    .addHelpText('after', '\nExamples:\n  podhand info\n  podhand info -o json | jq -r .executor')
    .action((_options: object, command: Command) =>
      start(command, async (session) => (await import('../commands/info.ts')).info(session)),
    );

  program
    .command('health')
    .description('say whether the agent serves; for probes')
    .addHelpText('after', '\nExamples:\n  podhand health\n  podhand --admin health --timeout 2s')
    .action((_options: object, command: Command) =>
      start(command, async (session) => (await import('../commands/health.ts')).health(session)),
    );

  program
    .command('ps')
    .alias('list')
    .description('list the containers of the pod')
    .addHelpText('after', '\nExamples:\n  podhand ps\n  podhand ps -o json | jq -r ".containers[].name"')
    .action((_options: object, command: Command) =>
      start(command, async (session) => (await import('../commands/ps.ts')).ps(session)),
    );

  program
    .command('stats')
    .argument('[container...]', 'containers; all if none is given')
    .description('print CPU, memory, I/O and pids of containers')
    .option('--interval <duration>', 'go on printing at this interval', values.duration)
    .addHelpText('after', '\nExamples:\n  podhand stats\n  podhand stats main --interval 5s -o json >> stats.jsonl')
    .action((names: string[], options: StatsOptions, command: Command) =>
      start(command, async (session) => (await import('../commands/stats.ts')).stats(session, names, options)),
    );

  program
    .command('top')
    .argument('[container...]', 'containers; all if none is given')
    .description('show containers and their processes: live on a terminal, once in a pipe')
    .option('--interval <duration>', 'time between two samples', values.duration)
    .addOption(new Option('--sort <key>', 'what uses most of it comes first').choices(['cpu', 'memory']).default('cpu'))
    .addHelpText(
      'after',
      '\nOn a terminal: c sorts by cpu, m by memory, q quits.' +
        '\n\nExamples:\n  podhand top\n  podhand top main --interval 2s\n  podhand top --sort memory | head',
    )
    .action((names: string[], options: TopOptions, command: Command) =>
      start(command, async (session) => (await import('../commands/top.ts')).top(session, names, options)),
    );

  program
    .command('entrypoint')
    .argument('[words...]', 'the image, unless -c is given; then arguments, after --')
    .description('print what would run for an image: its ENTRYPOINT and CMD, with the given command and arguments')
    .option('-c, --container <name>', 'the image of this container')
    .option('--command <word>', 'the command that replaces the ENTRYPOINT, one word each time', collectWords)
    .addHelpText(
      'after',
      '\nExamples:\n  podhand entrypoint busybox:latest\n  podhand entrypoint -c main -- --verbose\n' +
        '  podhand entrypoint -c main -o json | jq -c .argv',
    )
    .action((words: string[], options: EntrypointOptions, command: Command) =>
      start(command, async (session) =>
        (await import('../commands/entrypoint.ts')).entrypoint(session, words, options),
      ),
    );
}

function collectWords(word: string, before: readonly string[] = []): string[] {
  return [...before, word];
}
