import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type AgentUnderTest, about, connect, failure, startTestAgent, unary } from './agent-under-test.ts';
import { podA } from './scripted-executor.ts';

let agent: AgentUnderTest;
let client: ReturnType<typeof connect>;
async function start(set: string[]): Promise<void> {
  agent = await startTestAgent(set);
  client = connect(`${agent.directory}/run/pods/${podA.uid}/agent.sock`);
}
afterEach(async () => {
  client.close();
  await agent.close();
});
const nobody = about('');

test('a process that is in no pod has no answer, though it has reached the socket', async () => {
  await start([]);
  expect(await failure(unary(client, 'getInfo', {}, nobody))).toMatch(/^14 /);
});

describe('with callers.witness: none', () => {
  beforeEach(() => start(['callers.witness=none']));

  test('the socket says which pod calls, whatever the metadata says', async () => {
    const info = await unary(client, 'getInfo', {}, about('default/b'));
    expect(info).toMatchObject({ pod: { uid: podA.uid }, callerContainer: '' });
  });

  test('waiting for all would wait for the caller: it has to say what it means', async () => {
    expect(await failure(client.wait({}, nobody))).toBe('3 INVALID_REQUEST');
    const deadline = { deadline: Date.now() + 300 };
    expect(await failure(client.wait({ except: ['collect'] }, nobody, deadline))).toMatch(/^4 /);
  });

  test('there is no caller to save for', async () => {
    const request = { container: 'main', path: Buffer.from('/x'), destination: Buffer.from('/out/x') };
    expect(await failure(client.saveArtifact(request, nobody))).toBe('9 NO_CALLER_CONTAINER');
  });
});
