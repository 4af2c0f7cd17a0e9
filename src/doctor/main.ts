import { Command, Option } from 'commander';
import { type ConfigFlags, collectWords, runConfigured } from '../agent/config/configured-command.ts';
import { type OutputFormat, outputFormats } from '../client/output/document.ts';
import { examine } from './examine.ts';
import { wants } from './executors.ts';
import { printed } from './print.ts';

/** This node cannot run what is configured. */
const cannotRun = 64;

const examples = `
Examples:
  podhand doctor
  podhand doctor --config /etc/podhand/config.yaml -o json
  podhand doctor --set containerRuntimeExecutor=docker

Exit status: 0 if this node can run every executor that the configuration can choose, else 64. Run it where the agent
runs: with the same rights, mounts and namespaces. It needs no agent, and changes nothing.`;

interface Flags extends ConfigFlags {
  readonly output: OutputFormat;
}

/** `podhand doctor`: what this node has, and what it lacks, for each executor. Resolves to the exit code. */
export async function main(argv: readonly string[]): Promise<number> {
  const command = new Command('podhand doctor')
    .description('Says for each executor whether this node can run it, and what is missing.')
    .option('--config <file>', 'the agent’s YAML configuration file (or PODHAND_CONFIG)')
    .option('--set <key=value>', 'one setting of the agent; may be given several times', collectWords, [])
    .addOption(new Option('-o, --output <format>', 'print results as').choices([...outputFormats]).default('table'))
    .addHelpText('after', examples);
  return await runConfigured<Flags>(command, argv, async (config, { output }) => {
    const executors = await examine(wants, config);
    process.stdout.write(await printed(executors, output));
    return executors.every(({ configured, canRun }) => canRun || !configured) ? 0 : cannotRun;
  });
}
