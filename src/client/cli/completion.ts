import type { Complete, RootCommand } from '@bomb.sh/tab';
import tab from '@bomb.sh/tab/commander';
import type { Command } from 'commander';
import { ExecutorClient } from '../executor-client.ts';
import { type GlobalOptions, socketOf } from './settings.ts';

/** Commands whose arguments are containers; the others of these have a place in one. */
const takeContainers = ['wait', 'kill', 'logs', 'stats', 'top'];
const takePlaces = ['cat', 'cp', 'save'];
const patienceMs = 500;

/** Prints the script that makes a shell ask `podhand complete`. `program` is the tree to describe, and is changed. */
export function printScript(program: Command, shell: string): void {
  described(program).setup(program.name(), program.name(), shell);
}

/**
 * Prints what can stand for the last of the words. Containers are completed by name where the agent answers within
 * half a second; without an agent there are none, and no error.
 */
export async function printCompletions(program: Command, words: string[], options: GlobalOptions): Promise<void> {
  const root = described(program);
  const [command = ''] = words;
  const suffix = takePlaces.includes(command) ? ':' : '';
  if (suffix !== '' || takeContainers.includes(command)) {
    const names = await containerNames(options);
    const [argument] = root.commands.get(command)?.arguments.values() ?? [];
    if (argument !== undefined) argument.handler = (complete) => offer(complete, names, suffix);
    const option = root.commands.get(command)?.options.get('container');
    if (option !== undefined) option.handler = (complete) => offer(complete, names, '');
  }
  root.parse(words);
}

function described(program: Command): RootCommand {
  return tab(program, { completionCommandName: 'completion' });
}

function offer(complete: Complete, names: readonly string[], suffix: string): void {
  for (const name of names) complete(`${name}${suffix}`, '');
}

async function containerNames(options: GlobalOptions): Promise<string[]> {
  using client = new ExecutorClient({ socketPath: socketOf(options, process.env), retryFor: 0 });
  try {
    const { containers } = await client.listContainers({ deadline: new Date(Date.now() + patienceMs) });
    return containers.map(({ name }) => name);
  } catch {
    // Completion is silent: no agent, no names.
    return [];
  }
}
