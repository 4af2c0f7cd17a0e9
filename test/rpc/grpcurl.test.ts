import { afterAll, beforeAll, expect, test } from 'vitest';
import { ensureGrpcurl } from '../node/grpcurl.ts';
import { run } from '../node/processes.ts';
import { type AgentUnderTest, startTestAgent } from './agent-under-test.ts';
import { container, exited, podA } from './scripted-executor.ts';

let agent: AgentUnderTest;
let program: string;
beforeAll(async () => {
  program = await ensureGrpcurl();
  agent = await startTestAgent();
});
afterAll(async () => await agent?.close());

/** grpcurl on the admin socket, with no proto file: what it needs comes by reflection. */
async function grpcurl(before: string[], ...after: string[]) {
  const socket = `${agent.directory}/run/admin.sock`;
  const { exitCode, stdout, stderr } = await run([program, '-plaintext', '-unix', ...before, socket, ...after]);
  return { exitCode, stdout: stdout.toString(), stderr: stderr.toString() };
}
const aboutA = ['-H', 'podhand-pod: default/a'];

test('lists the services', async () => {
  const { exitCode, stdout } = await grpcurl([], 'list');
  expect(exitCode).toBe(0);
  expect(stdout.split('\n')).toEqual(expect.arrayContaining(['grpc.health.v1.Health', 'podhand.v1.ExecutorService']));
});

test('describes the service and a message', async () => {
  const service = await grpcurl([], 'describe', 'podhand.v1.ExecutorService');
  for (const rpc of ['GetInfo', 'Wait', 'SaveArtifact', 'WatchStats']) expect(service.stdout).toContain(`rpc ${rpc} `);
  const message = await grpcurl([], 'describe', 'podhand.v1.FinalRecord');
  expect(message.stdout).toContain('exit_code');
});

test('calls a unary method', async () => {
  const { exitCode, stdout } = await grpcurl(aboutA, 'podhand.v1.ExecutorService/ListContainers');
  expect(exitCode).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ containers: [{ name: 'main', state: 'CONTAINER_STATE_RUNNING' }] });
});

test('calls a stream to its end', async () => {
  agent.executor.put(podA, exited(container(podA, 'main'), 7));
  const request = ['-d', '{"containers":["main"]}'];
  const { exitCode, stdout } = await grpcurl([...aboutA, ...request], 'podhand.v1.ExecutorService/Wait');
  expect(exitCode).toBe(0);
  expect(stdout).toContain('"exitCode": 7');
});

test('shows code and reason of a failure', async () => {
  const request = ['-d', '{"container":"nobody"}'];
  const { exitCode, stderr } = await grpcurl([...aboutA, ...request], 'podhand.v1.ExecutorService/StreamLogs');
  expect(exitCode).not.toBe(0);
  expect(stderr).toContain('Code: NotFound');
  expect(stderr).toContain('"reason": "CONTAINER_NOT_FOUND"');
});

test('asks for health', async () => {
  for (const service of ['', 'podhand.v1.ExecutorService']) {
    const { stdout } = await grpcurl(['-d', JSON.stringify({ service })], 'grpc.health.v1.Health/Check');
    expect(JSON.parse(stdout)).toEqual({ status: 'SERVING' });
  }
});
