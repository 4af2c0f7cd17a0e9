import type { Complete } from '@bomb.sh/tab';
import tab from '@bomb.sh/tab/commander';
import type { Command } from 'commander';
import { ExecutorClient } from '../executor-client.ts';
import { socketOf } from './settings.ts';

/** Commands whose arguments are containers; the others of these have a place in one. */
const takeContainers = ['wait', 'kill', 'logs', 'stats', 'top'];
const takePlaces = ['cat', 'cp', 'save'];
const patienceMs = 500;

/**
 * Adds `completion SHELL`, which prints a script, and the hidden `complete`, which the script calls with the words so
 * far. Containers are completed by name where the agent answers at once.
 */
export async function addCompletion(program: Command, argv: readonly string[]): Promise<void> {
  const completed = tab(program, { completionCommandName: 'completion' });
  if (argv[0] !== 'complete') return;
  const names = argv.some((word) => [...takeContainers, ...takePlaces].includes(word))
    ? await containerNames(argv)
    : [];
  for (const [name, command] of completed.commands) {
    const suffix = takePlaces.includes(name) ? ':' : '';
    if (suffix === '' && !takeContainers.includes(name)) continue;
    const [argument] = command.arguments.values();
    if (argument !== undefined) argument.handler = (complete) => offer(complete, names, suffix);
    const option = command.options.get('container');
    if (option !== undefined) option.handler = (complete) => offer(complete, names, '');
  }
}

function offer(complete: Complete, names: readonly string[], suffix: string): void {
  for (const name of names) complete(`${name}${suffix}`, '');
}

async function containerNames(argv: readonly string[]): Promise<string[]> {
  const socket = argv[argv.indexOf('--socket') + 1];
  const options = { retryFor: 0, ...(argv.includes('--socket') && socket !== undefined ? { socket } : {}) };
  using client = new ExecutorClient({ socketPath: socketOf(options, process.env), retryFor: 0 });
  try {
    const { containers } = await client.listContainers({ deadline: new Date(Date.now() + patienceMs) });
    return containers.map(({ name }) => name);
  } catch {
    // Completion is silent: no agent, no names.
    return [];
  }
}
