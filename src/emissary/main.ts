import * as std from 'quickjs:std';
import { parseCommandLine } from './command-line.ts';
import { SystemError } from './errno.ts';
import { defaultTerminationLog, explain } from './explain.ts';
import { Failure, failedCode } from './failure.ts';
import { help } from './help.ts';
import { killProcess } from './kill.ts';
import { events } from './quickjs/events.ts';
import { files } from './quickjs/files.ts';
import { processes } from './quickjs/processes.ts';
import { ContainerRun } from './run.ts';
import type { System } from './system.ts';

/** Set by the build. */
declare const EMISSARY_VERSION: string;

const system: System = {
  files,
  processes,
  events,
  environment: std.getenv,
  say(line) {
    std.err.puts(`podhand-emissary: ${line}\n`);
    std.err.flush();
  },
};

async function main(argv: readonly string[]): Promise<number> {
  const line = parseCommandLine(argv);
  if (line.action === 'run') return await new ContainerRun(system, line.options, argv, line.first).toEnd();
  if (line.action === 'kill') return killProcess(system, line.signal, line.pid);
  std.out.puts(line.action === 'help' ? help : `podhand-emissary ${EMISSARY_VERSION}\n`);
  std.out.flush();
  return 0;
}

main(scriptArgs).then(
  (exitCode) => std.exit(exitCode),
  (error: unknown) => {
    const known = error instanceof Failure || error instanceof SystemError;
    const message = known
      ? error.message
      : `a bug: ${error instanceof Error ? `${error.message}\n${error.stack}` : error}`;
    explain(system, message, defaultTerminationLog);
    std.exit(error instanceof Failure ? error.exitCode : failedCode);
  },
);
