import type { Command } from 'commander';
import { loadConfig } from './load.ts';
import { ConfigError } from './problems.ts';
import type { AgentConfig } from './schema.ts';

/** podhand itself failed; the same code as the client's. */
export const failure = 64;

export interface ConfigFlags {
  readonly config?: string;
  readonly set: string[];
}

/** For `--set`, which may be given several times. */
export function collectWords(word: string, before: readonly string[]): string[] {
  return [...before, word];
}

/**
 * Parses a command line with `--config` and `--set`, and runs the command with the configuration that they ask for.
 * Resolves to the exit code.
 */
export async function runConfigured<Flags extends ConfigFlags>(
  command: Command,
  argv: readonly string[],
  run: (config: AgentConfig, flags: Flags) => Promise<number>,
): Promise<number> {
  try {
    command
      .allowExcessArguments(false)
      .exitOverride()
      .parse([...argv], { from: 'user' });
  } catch (error) {
    return (error as { exitCode?: number }).exitCode === 0 ? 0 : failure;
  }
  const flags = command.opts<Flags>();
  const { config: path, set } = flags;
  let config: AgentConfig;
  try {
    config = loadConfig({ ...(path !== undefined && { path }), set, environment: process.env });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const problems = error.message.replace(/^/gm, '  ');
    process.stderr.write(`${command.name()}: the configuration is not valid:\n${problems}\n`);
    return failure;
  }
  return await run(config, flags);
}
