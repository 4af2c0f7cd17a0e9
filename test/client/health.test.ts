import { afterAll, beforeAll, expect, test } from 'vitest';
import { type AgentUnderTest, startTestAgent } from '../rpc/agent-under-test.ts';
import { podhand } from './command-line.ts';

let agent: AgentUnderTest;
beforeAll(async () => {
  agent = await startTestAgent();
});
afterAll(async () => await agent.close());

test('an agent that serves', async () => {
  const { code, stdout } = await podhand(['--socket', `${agent.directory}/run/admin.sock`, 'health']).done;
  expect([code, stdout.toString()]).toEqual([0, 'SERVING\n']);
});

test('no agent: said at once, with 64, and not asked again', async () => {
  const { code, stderr } = await podhand(['--socket', `${agent.directory}/run/nobody.sock`, 'health']).done;
  expect(code).toBe(64);
  expect(stderr).toContain('agent unreachable');
  expect(stderr).not.toContain('trying again');
});
