import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { pino } from 'pino';
import { stringify } from 'yaml';
import { type Agent, startAgent } from './agent.ts';
import { type ConfigFlags, collectWords, failure, runConfigured } from './config/configured-command.ts';
import type { AgentConfig } from './config/schema.ts';
import { createExecutors } from './executors/create.ts';

const examples = `
Examples:
  podhand agent --config /etc/podhand/config.yaml
  podhand agent --set containerRuntimeExecutor=docker --set log.level=debug
  PODHAND_CONTAINER_RUNTIME_EXECUTOR=docker podhand agent --print-config

Settings come from the file, then the environment (PODHAND_ and the key in upper case:
PODHAND_LIMITS_FILE_BYTES), then --set; docs/configuration.md lists them.`;

interface Flags extends ConfigFlags {
  readonly printConfig?: boolean;
}

/** `podhand agent`: runs until SIGTERM or SIGINT, then drains. Resolves to the exit code. */
export async function main(argv: readonly string[]): Promise<number> {
  const command = new Command('podhand agent')
    .description('Runs the node agent.')
    .option('--config <file>', 'YAML configuration file (or PODHAND_CONFIG)')
    .option('--set <key=value>', 'one setting; may be given several times', collectWords, [])
    .option('--print-config', 'print the configuration in force and exit')
    .addHelpText('after', examples);
  return await runConfigured<Flags>(command, argv, async (config, { printConfig }) => {
    if (!printConfig) return await run(config);
    process.stdout.write(stringify(config));
    return 0;
  });
}

async function run(config: AgentConfig): Promise<number> {
  const log = pino(
    { level: config.log.level, base: { node: config.nodeName } },
    // Of a busy agent's own time, a write per line was the largest part.
    pino.destination({ fd: 1, sync: false, minLength: 4096, periodicFlush: 100 }),
  );
  const version = (
    JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string }
  ).version;
  const stop = Promise.race([once(process, 'SIGTERM'), once(process, 'SIGINT')]);
  let agent: Agent;
  try {
    agent = await startAgent({ config, version, log, createExecutors });
  } catch (error) {
    log.fatal({ err: error }, 'the agent could not start');
    log.flush();
    return failure;
  }
  log.info({ version, executor: config.containerRuntimeExecutor, runDir: config.runDir }, 'agent is up');
  await stop;
  log.info('draining');
  await agent.stop();
  log.info('agent is down');
  log.flush();
  return 0;
}
