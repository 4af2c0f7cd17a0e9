import { type Command, Option } from 'commander';
import type { KillOptions } from '../commands/kill.ts';
import type { LogsOptions } from '../commands/logs.ts';
import type { WaitOptions } from '../commands/wait.ts';
import type { Start } from './program.ts';
import * as values from './values.ts';

/** The commands about a container's life: wait, kill, logs. */
export function defineLifecycle(program: Command, start: Start): void {
  program
    .command('wait')
    .argument('[container...]', 'containers; all but the caller’s own and the sidecars if none is given')
    .description('wait until containers have ended, and print how')
    .option('--except <name>', 'leave this container out; may be given several times', values.list)
    .option('--until-known', 'also wait for containers that the pod does not have yet')
    .option('--exit-code', 'exit with the container’s own code: with several, the first that is not 0')
    .addHelpText(
      'after',
      '\nExamples:\n  podhand wait\n  podhand wait main --exit-code\n  podhand wait --except proxy --timeout 1h -o json',
    )
    .action((names: string[], options: WaitOptions, command: Command) =>
      start(command, async (session) => (await import('../commands/wait.ts')).wait(session, names, options)),
    );

  program
    .command('kill')
    .alias('stop')
    .argument('<container...>', 'containers')
    .description('stop containers: TERM, then KILL after the grace period, until they are gone; or send one signal')
    .option('-s, --signal <signal>', 'the first signal, or with --once the only one: TERM, SIGINT, 9')
    .option('--grace-period <duration>', 'time between the first signal and KILL; 0 kills at once', values.duration)
    .option('--once', 'send the signal once and wait for nothing')
    .addHelpText(
      'after',
      '\nExamples:\n  podhand kill proxy --grace-period 10s\n  podhand kill main --signal USR1 --once\n' +
        '  podhand kill main proxy --grace-period 0',
    )
    .action((names: string[], options: KillOptions, command: Command) =>
      start(command, async (session) => (await import('../commands/kill.ts')).kill(session, names, options)),
    );

  program
    .command('logs')
    .argument('[container]', 'the container, unless -c names it')
    .description('print the output of a container: its stdout to stdout, its stderr to stderr')
    .option('-c, --container <name>', 'the container')
    .option('-f, --follow', 'go on until the container has ended')
    .option('--tail <lines>', 'only the last lines', values.count)
    .option('--since <time>', 'only what is newer: 10s, 1h, or a time as RFC 3339', values.since)
    .option('-t, --timestamps', 'print the time before each line')
    .option('-p, --previous', 'the attempt before the present one')
    .option('--until-known', 'with -f: also wait for a container that has not started')
    .addOption(new Option('--stream <stream>', 'only one of the two').choices(['stdout', 'stderr']))
    .addHelpText(
      'after',
      '\nExamples:\n  podhand logs main\n  podhand logs -f --tail 10 main\n  podhand logs -c main --since 5m --stream stderr',
    )
    .action((name: string | undefined, options: LogsOptions, command: Command) =>
      start(command, async (session) => (await import('../commands/logs.ts')).logs(session, name, options)),
    );
}
