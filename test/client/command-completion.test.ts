import { execFileSync } from 'node:child_process';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { podhand } from './command-line.ts';
import { type Answer, ScriptedAgent } from './scripted-agent.ts';

let agent: ScriptedAgent;

beforeEach(() => {
  agent = new ScriptedAgent();
});

afterEach(() => {
  agent[Symbol.dispose]();
});

test.each(['bash', 'zsh', 'fish'])(
  'completion for %s is a script; commands, options and containers are completed',
  async (shell) => {
    const script = (await agent.run('completion', shell)).stdout;
    expect(script.toString()).toContain('podhand');
    if (shell === 'bash') execFileSync('bash', ['-n'], { input: script });
  },
);

test('words are completed: commands, options, containers', async () => {
  await agent.start({
    ListContainers: (_call: unknown, answer: Answer) => answer(null, { containers: [{ name: 'main' }] }),
  });
  const env = { PODHAND_SOCKET: agent.socketPath };
  const complete = async (...words: string[]): Promise<string> =>
    (await podhand(['complete', '--', ...words], { env }).done).stdout.toString();
  expect(await complete('lo')).toMatch(/^logs\t/);
  expect(await complete('logs', '--t')).toMatch(/^--tail\t/);
  expect(await complete('logs', 'm')).toMatch(/^main/);
  expect(await complete('cat', 'm')).toMatch(/^main:/);
});
