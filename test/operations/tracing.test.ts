import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parseTraceparent } from '../../src/wire/trace-context.ts';
import { podhand } from '../client/command-line.ts';
import { type AgentUnderTest, about, failure, startTestAgent, unary } from '../rpc/agent-under-test.ts';
import { podA } from '../rpc/scripted-executor.ts';
import { Collector, facts } from './collector.ts';

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
const spanId = '00f067aa0ba902b7';
const settled = { timeout: 20_000 };

function traced(traceparent: string) {
  const metadata = about('default/a');
  metadata.set('traceparent', traceparent);
  return metadata;
}

test.each([
  [`00-${traceId}-${spanId}-01`, { traceId, spanId, sampled: true }],
  [`00-${traceId}-${spanId}-00`, { traceId, spanId, sampled: false }],
  [`cc-${traceId}-${spanId}-01-what-the-future-will-bring`, { traceId, spanId, sampled: true }],
  [`00-${traceId}-${spanId}-01-more`, undefined],
  [`ff-${traceId}-${spanId}-01`, undefined],
  [`00-${'0'.repeat(32)}-${spanId}-01`, undefined],
  [`00-${traceId}-${'0'.repeat(16)}-01`, undefined],
  [`00-${traceId.toUpperCase()}-${spanId}-01`, undefined],
  [`00-${traceId}-${spanId}-01\n`, undefined],
  [`cc-${traceId}-${spanId}-01-${'x'.repeat(10_000)}`, undefined],
  ['', undefined],
])('traceparent %#', (text, expected) => {
  expect(parseTraceparent(text)).toEqual(expected);
});

describe('without an endpoint', () => {
  let agent: AgentUnderTest;
  beforeEach(async () => {
    agent = await startTestAgent();
  });
  afterEach(async () => await agent.close());
  const callLines = () => agent.logLines.filter(({ msg }) => msg === 'call');

  test('the trace id of a call is in its line, and in the audit', async () => {
    const kill = unary(agent.admin(), 'kill', { containers: ['nobody'] }, traced(`00-${traceId}-${spanId}-01`));
    expect(await failure(kill)).toBe('5 CONTAINER_NOT_FOUND');
    expect(callLines()).toMatchObject([{ rpc: 'Kill', traceId }]);
    expect(agent.logLines.filter(({ audit }) => audit === true)).toMatchObject([{ traceId }]);
  });

  test('what is no trace context is passed over', async () => {
    for (const metadata of [traced('00-nonsense'), about('default/a')]) {
      expect(await failure(unary(agent.admin(), 'getInfo', {}, metadata))).toBe('OK');
    }
    expect(callLines()).toHaveLength(2);
    for (const line of callLines()) expect(line).not.toHaveProperty('traceId');
  });

  test.each([
    ['sent', `00-${traceId}-${spanId}-01`, traceId],
    ['not sent where it is none', 'nonsense', undefined],
  ])('TRACEPARENT of the client is %s', async (_, TRACEPARENT, expected) => {
    const args = ['--socket', `${agent.directory}/run/admin.sock`, '--pod', 'default/a', 'ps'];
    expect((await podhand(args, { env: { TRACEPARENT } }).done).code).toBe(0);
    expect(callLines().map((line) => line.traceId)).toEqual([expected]);
  });
});

describe('with an endpoint', () => {
  let collector: Collector;
  let agent: AgentUnderTest;
  beforeEach(async () => {
    collector = await Collector.start();
    agent = await startTestAgent([`tracing.endpoint=${collector.endpoint}`, 'nodeName=node-1']);
  });
  afterEach(async () => {
    await agent.close();
    collector.close();
  });

  test('each call is one span, a child of the span of its caller', async () => {
    const kill = unary(agent.admin(), 'kill', { containers: ['nobody'] }, traced(`00-${traceId}-${spanId}-01`));
    expect(await failure(kill)).toBe('5 CONTAINER_NOT_FOUND');
    await expect.poll(() => collector.spans, settled).toHaveLength(1);
    const [span] = collector.spans;
    expect(span).toMatchObject({ traceId, parentSpanId: spanId, name: 'podhand.v1.ExecutorService/Kill', kind: 2 });
    expect(span?.status).toMatchObject({ code: 2, message: 'CONTAINER_NOT_FOUND' });
    expect(facts(span?.attributes ?? [])).toEqual({
      'rpc.system': 'grpc',
      'rpc.service': 'podhand.v1.ExecutorService',
      'rpc.method': 'Kill',
      'rpc.grpc.status_code': 5,
      'podhand.reason': 'CONTAINER_NOT_FOUND',
      'k8s.namespace.name': 'default',
      'k8s.pod.name': 'a',
      'k8s.pod.uid': podA.uid,
      'k8s.container.name': 'nobody',
    });
    expect(BigInt(span?.endTimeUnixNano ?? 0)).toBeGreaterThanOrEqual(BigInt(span?.startTimeUnixNano ?? 0));
    expect(collector.resources[0]).toMatchObject({
      'service.name': 'podhand',
      'service.version': 'test',
      'k8s.node.name': 'node-1',
    });
  });

  test('a call without a trace begins one, whose id is in its line', async () => {
    expect(await failure(unary(agent.admin(), 'getInfo', {}, about('default/a')))).toBe('OK');
    await expect.poll(() => collector.spans, settled).toHaveLength(1);
    expect(collector.spans[0]?.parentSpanId ?? '').toBe('');
    expect(agent.logLines.find(({ msg }) => msg === 'call')?.traceId).toBe(collector.spans[0]?.traceId);
    expect(collector.spans[0]?.status.code).toBe(0);
  });

  test('what the caller does not sample is not sent', async () => {
    const client = agent.admin();
    expect(await failure(unary(client, 'getInfo', {}, traced(`00-${traceId}-${spanId}-00`)))).toBe('OK');
    expect(await failure(unary(client, 'listContainers', {}, about('default/a')))).toBe('OK');
    await expect.poll(() => collector.spans.length, settled).toBeGreaterThan(0);
    expect(collector.spans.map(({ name }) => name)).toEqual(['podhand.v1.ExecutorService/ListContainers']);
    expect(agent.logLines.find(({ rpc }) => rpc === 'GetInfo')?.traceId).toBe(traceId);
  });

  test('an agent that stops sends what it has', async () => {
    expect(await failure(unary(agent.admin(), 'getInfo', {}, about('default/a')))).toBe('OK');
    await agent.agent.stop();
    expect(collector.spans).toHaveLength(1);
    agent = await startTestAgent();
  });

  test('a collector that refuses is told of once, and once it takes spans again', async () => {
    const client = agent.admin();
    const said = (msg: string) => agent.logLines.filter((line) => line.msg === msg).length;
    const call = async () => await failure(unary(client, 'getInfo', {}, about('default/a')));
    collector.status = 400;
    expect(await call()).toBe('OK');
    await expect.poll(() => collector.refused, settled).toBe(1);
    expect(await call()).toBe('OK');
    await expect.poll(() => collector.refused, settled).toBe(2);
    await expect.poll(() => said('spans are lost: the collector does not take them'), settled).toBe(1);
    collector.status = 200;
    expect(await call()).toBe('OK');
    await expect.poll(() => said('the collector takes spans again'), settled).toBe(1);
    expect(collector.spans).toHaveLength(1);
    expect(said('spans are lost: the collector does not take them')).toBe(1);
  });
});

test('a collector that is not there keeps no call from being answered, and no agent from stopping', async () => {
  const collector = await Collector.start();
  const { endpoint } = collector;
  collector.close();
  const agent = await startTestAgent([`tracing.endpoint=${endpoint}`]);
  const lost = () => agent.logLines.filter(({ msg }) => msg === 'spans are lost: the collector does not take them');
  try {
    const client = agent.admin();
    expect(await failure(unary(client, 'getInfo', {}, about('default/a')))).toBe('OK');
    await expect.poll(lost, settled).toHaveLength(1);
    expect(await failure(unary(client, 'getInfo', {}, about('default/a')))).toBe('OK');
  } finally {
    // With a span still to be sent.
    await agent.close();
  }
  expect(agent.logLines.filter(({ msg }) => msg === 'call')).toHaveLength(2);
});

test('an agent without an endpoint does not load OpenTelemetry', () => {
  const main = fileURLToPath(new URL('../../src/agent/main.ts', import.meta.url));
  const program = `
    import { registerHooks } from 'node:module';
    const seen = [];
    registerHooks({ resolve: (name, context, next) => { seen.push(name); return next(name, context); } });
    const { main } = await import(process.argv[1]);
    await main(['--print-config']);
    console.error(JSON.stringify(seen));`;
  const { stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program, main], { encoding: 'utf8' });
  const seen = JSON.parse(stderr.trim().split('\n').at(-1) ?? '') as string[];
  expect(seen).toContain('prom-client');
  // prom-client asks its interfaces for the trace that a sample is an example of.
  expect(seen.filter((name) => name.includes('opentelemetry'))).toEqual(['@opentelemetry/api']);
});
