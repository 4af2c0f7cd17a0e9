import { type Command, Option } from 'commander';
import type { CatOptions } from '../commands/cat.ts';
import type { CollectOptions } from '../commands/collect.ts';
import type { CpOptions } from '../commands/cp.ts';
import type { SaveOptions } from '../commands/save.ts';
import { formatNames } from './archive-formats.ts';
import type { Start } from './program.ts';
import * as values from './values.ts';

/** The commands that bring files out: cat, cp, save, collect. */
export function defineTransfer(program: Command, start: Start): void {
  program
    .command('cat')
    .argument('<place>', 'CONTAINER:PATH, or PATH with -c')
    .description('print one regular file of a container, running or ended')
    .option('-c, --container <name>', 'the container')
    .option('--max-bytes <size>', 'refuse a larger file', values.size)
    .addHelpText('after', '\nExamples:\n  podhand cat main:/tmp/result.json\n  podhand cat -c main /etc/os-release')
    .action((place: string, options: CatOptions, command: Command) =>
      start(command, async (session) => (await import('../commands/cat.ts')).cat(session, place, options)),
    );

  program
    .command('cp')
    .argument('<place>', 'CONTAINER:PATH, or PATH with -c')
    .argument('<destination>', 'a file or directory here; - prints an archive')
    .description('copy a file or tree of a container, running or ended, to here')
    .option('-c, --container <name>', 'the container')
    .addOption(new Option('--format <format>', 'keep it as an archive of this format').choices(formatNames))
    .option('--overwrite', 'replace a directory that is there')
    .option('--max-bytes <size>', 'refuse more content', values.size)
    .addHelpText(
      'after',
      '\nA file is replaced, a directory only with --overwrite; into an existing directory it is copied under its own\n' +
        'name. The destination appears whole or not at all. Links are kept as links, owners are not kept.\n' +
        '\nExamples:\n  podhand cp main:/tmp/out ./out\n  podhand cp main:/tmp/out out.tgz --format tgz\n' +
        '  podhand cp main:/tmp/out - | tar -t',
    )
    .action((place: string, destination: string, options: CpOptions, command: Command) =>
      start(command, async (session) => (await import('../commands/cp.ts')).cp(session, place, destination, options)),
    );

  program
    .command('save')
    .argument('<place>', 'CONTAINER:PATH, or PATH with -c')
    .argument('<destination>', 'a path in this container, on a volume')
    .description('have the agent write a file or tree of a container into a volume of this one')
    .option('-c, --container <name>', 'the container')
    .addOption(new Option('--format <format>', 'how to write it').choices(formatNames).default('raw'))
    .option('--level <number>', 'compression: gzip 1 to 9, zstd 1 to 19', values.count)
    .option('--max-bytes <size>', 'refuse more content', values.size)
    .option('--overwrite', 'replace what is there')
    .option('--checksum', 'also compute the sha256')
    .addHelpText(
      'after',
      '\nExamples:\n  podhand save main:/tmp/model /outputs/model\n' +
        '  podhand save main:/tmp/out /outputs/out.tgz --format tgz --overwrite --checksum -o json',
    )
    .action((place: string, destination: string, options: SaveOptions, command: Command) =>
      start(command, async (session) =>
        (await import('../commands/save.ts')).save(session, place, destination, options),
      ),
    );

  program
    .command('collect')
    .description('do the whole job of a wait sidecar, as a YAML spec says, and write outputs.json')
    .requiredOption('-f, --filename <path>', 'the spec; - reads it from stdin')
    .option('--output-dir <path>', 'where relative destinations are', '.')
    .option('--check', 'only say whether the spec is right')
    .addHelpText(
      'after',
      '\nWaits for the containers while it follows their logs; takes the result, parameters and artifacts; stops the\n' +
        'sidecars; writes outputs.json. SIGTERM means: stop waiting, save now. -o json also prints outputs.json.\n' +
        '\nExamples:\n  podhand collect -f /etc/podhand/spec.yaml --output-dir /outputs\n' +
        '  podhand collect -f spec.yaml --check',
    )
    .action((options: CollectOptions, command: Command) =>
      start(command, async (session) => (await import('../commands/collect.ts')).collect(session, options)),
    );
}
