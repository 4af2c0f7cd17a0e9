import { Command, Option } from 'commander';
import { outputFormats } from '../output/document.ts';
import { defineInit } from './define-init.ts';
import { defineInspection } from './define-inspection.ts';
import { defineLifecycle } from './define-lifecycle.ts';
import { defineTransfer } from './define-transfer.ts';
import type { Session } from './session.ts';
import * as values from './values.ts';

/** Runs the body of a command with a session made of the command's options; what it answers is the exit code. */
export type Start = (command: Command, body: (session: Session) => Promise<number>) => Promise<void>;

/** The whole command tree. Nothing but commander is loaded for it: commands load what they need when they run. */
export function createProgram(start: Start, version: string): Command {
  const program = new Command('podhand')
    .description('Watches the containers of a pod, reads their logs, collects their outputs and stops them.')
    .version(version, '--version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .option('--socket <path>', 'the agent’s socket (env PODHAND_SOCKET; default /run/podhand/agent.sock)')
    .option('--admin', 'use the admin socket of the node, /run/podhand/admin.sock')
    .option('--pod <pod>', 'on the admin socket: the pod, as namespace/name or UID')
    .addOption(new Option('-o, --output <format>', 'print results as').choices([...outputFormats]))
    .option('--timeout <duration>', 'give up after this time', values.duration)
    .addOption(
      new Option('--retry-for <duration>', 'call an unreachable agent again for this time')
        .argParser(values.duration)
        .default(60_000, '1m'),
    )
    .option('-q, --quiet', 'say nothing on stderr but failures')
    .configureHelp({ showGlobalOptions: true, sortOptions: false })
    .showSuggestionAfterError()
    .exitOverride()
    // A usage error is printed where every failure is.
    .configureOutput({ outputError: () => undefined })
    .addHelpText('after', rootExamples);
  defineInspection(program, start);
  defineLifecycle(program, start);
  defineTransfer(program, start);
  defineInit(program, start);
  program
    .command('agent [options...]')
    .description('run the agent of a node; "podhand agent --help" says more')
    .helpOption(false)
    .allowUnknownOption();
  program
    .command('doctor [options...]')
    .description('say whether this node can run the agent; "podhand doctor --help" says more')
    .helpOption(false)
    .allowUnknownOption();
  return program;
}

const rootExamples = `
Examples:
  podhand ps                                 the containers of this pod
  podhand wait main --exit-code              wait, and exit as it exited
  podhand logs -f main                       follow its output
  podhand cp main:/tmp/out ./out             copy a file or tree, also of an ended container
  podhand collect -f spec.yaml               do the whole job of a wait sidecar
  podhand --pod default/job-1 ps             on a node, as root: any pod of it

Exit status: 0; the container's own code where that was asked for; 64 where podhand itself failed or was called
wrongly; 130 and 143 after SIGINT and SIGTERM.`;
