import { once } from 'node:events';
import { mkdirSync, readFileSync } from 'node:fs';
import { Command } from 'commander';
import { pino } from 'pino';
import { stringify } from 'yaml';
import { type Agent, startAgent } from './agent.ts';
import { loadConfig } from './config/load.ts';
import { ConfigError } from './config/problems.ts';
import type { AgentConfig } from './config/schema.ts';
import { createExecutors } from './executors/create.ts';

/** podhand itself failed; the same code as the client's. */
const failure = 64;

const examples = `
Examples:
  podhand agent --config /etc/podhand/config.yaml
  podhand agent --set containerRuntimeExecutor=docker --set log.level=debug
  PODHAND_CONTAINER_RUNTIME_EXECUTOR=docker podhand agent --print-config

Settings come from the file, then the environment (PODHAND_ and the key in upper case:
PODHAND_LIMITS_FILE_BYTES), then --set; docs/configuration.md lists them.`;

interface Flags {
  config?: string;
  set: string[];
  printConfig?: boolean;
}

/** `podhand agent`: runs until SIGTERM or SIGINT, then drains. Resolves to the exit code. */
export async function main(argv: readonly string[]): Promise<number> {
  const command = new Command('podhand agent')
    .description('Runs the node agent.')
    .option('--config <file>', 'YAML configuration file (or PODHAND_CONFIG)')
    .option(
      '--set <key=value>',
      'one setting; may be given several times',
      (value, all: string[]) => [...all, value],
      [],
    )
    .option('--print-config', 'print the configuration in force and exit')
    .addHelpText('after', examples)
    .allowExcessArguments(false)
    .exitOverride();
  try {
    command.parse([...argv], { from: 'user' });
  } catch (error) {
    return (error as { exitCode?: number }).exitCode === 0 ? 0 : failure;
  }
  const flags = command.opts<Flags>();
  let config: AgentConfig;
  try {
    config = loadConfig({
      ...(flags.config !== undefined && { path: flags.config }),
      set: flags.set,
      environment: process.env,
    });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`podhand agent: the configuration is not valid:\n${error.message.replace(/^/gm, '  ')}\n`);
    return failure;
  }
  if (flags.printConfig) {
    process.stdout.write(stringify(config));
    return 0;
  }
  return await run(config);
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
    mkdirSync(config.stateDir, { recursive: true, mode: 0o700 });
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
