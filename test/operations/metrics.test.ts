import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect as dial } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { pnsOnNamespaces, withSettings } from '../conformance/flavours.ts';
import { of, openSubject } from '../conformance/subject.ts';
import { type AgentUnderTest, about, failure, startTestAgent, unary } from '../rpc/agent-under-test.ts';
import { container, exited, podA } from '../rpc/scripted-executor.ts';
import { figure } from './scrape.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'podhand-metrics-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const settled = { timeout: 20_000 };

describe('metrics of an agent', () => {
  let agent: AgentUnderTest;
  const value = (name: string, labels = {}) => figure(join(directory, 'metrics.sock'), name, labels);
  beforeEach(async () => {
    const settings = [`metrics.listen=unix:${directory}/metrics.sock`, 'limits.handshake=100ms'];
    agent = await startTestAgent(settings, directory);
  });
  afterEach(async () => await agent.close());

  test('a stall of the event loop is seen, and not forgotten by the next scrape', async () => {
    const long = async () => {
      const [all, short] = await Promise.all([
        value('podhand_event_loop_stall_seconds_count'),
        value('podhand_event_loop_stall_seconds_bucket', { le: '0.5' }),
      ]);
      return (all ?? 0) - (short ?? 0);
    };
    const before = await long();
    const until = performance.now() + 700;
    while (performance.now() < until);
    await expect.poll(long, settled).toBeGreaterThan(before);
    expect(await long()).toBeGreaterThan(before);
  });

  test('a runtime that is lost, and comes back', async () => {
    const connected = () => value('podhand_runtime_connected', { executor: 'docker' });
    expect(await connected()).toBe(1);
    agent.executor.connected = false;
    expect(await connected()).toBe(0);
    agent.executor.connected = true;
    expect(await connected()).toBe(1);
  });

  test('records that the disk refuses, until it takes them', async () => {
    const records = join(directory, 'state/records');
    expect(await value('podhand_records_unwritten')).toBe(0);
    rmSync(records, { recursive: true });
    writeFileSync(records, 'no directory');
    agent.executor.put(podA, exited(container(podA, 'main'), 0));
    await expect.poll(() => value('podhand_records_unwritten'), settled).toBe(1);
    expect(await value('podhand_record_write_errors_total')).toBeGreaterThanOrEqual(1);
    expect(await value('podhand_records_written_total')).toBe(0);
    rmSync(records);
    mkdirSync(records);
    await expect.poll(() => value('podhand_records_unwritten'), settled).toBe(0);
    await expect.poll(() => value('podhand_records_written_total'), settled).toBe(1);
  });

  test('connections by what ended them', async () => {
    const closed = (cause: string) => value('podhand_connections_closed_total', { cause });
    const client = agent.admin();
    expect(await failure(unary(client, 'getInfo', {}, about('default/a')))).toBe('OK');
    expect(await closed('client')).toBeUndefined();
    client.close();
    await expect.poll(() => closed('client'), settled).toBe(1);
    const mute = dial(join(directory, 'run/admin.sock'));
    mute.on('error', () => undefined).resume();
    await once(mute, 'close');
    await expect.poll(() => closed('silent'), settled).toBe(1);
    expect(await closed('client')).toBe(1);
  });

  test('descriptors, pods, limits and what is built', async () => {
    expect(await value('podhand_pods')).toBe(2);
    expect(await value('podhand_build_info', { version: 'test', node_version: process.version })).toBe(1);
    expect(await value('podhand_limit', { limit: 'readers' })).toBe(8);
    const open = (await value('podhand_open_descriptors')) ?? 0;
    expect(open).toBeGreaterThan(10);
    expect(await value('podhand_max_descriptors')).toBeGreaterThan(open);
  });
});

test('readers at work and held containers, of a real container whose file is read by a client that pauses', async () => {
  const metrics = join(directory, 'metrics.sock');
  const subject = await openSubject(withSettings(pnsOnNamespaces, [`metrics.listen=unix:${metrics}`]));
  try {
    const pod = await subject.pod();
    await subject.sh(pod, 'main', 'truncate -s 100M /tmp/large; echo made; while :; do sleep 1; done');
    const running = () => figure(metrics, 'podhand_readers', { state: 'running' });
    const request = { container: 'main', path: Buffer.from('/tmp/large') };
    await expect
      .poll(() => failure(subject.client.readFile({ ...request, maxBytes: 1 }, of(pod))), settled)
      .toMatch(/FILE_TOO_LARGE/);
    await expect.poll(running, settled).toBe(0);
    const call = subject.client.readFile(request, of(pod));
    call.on('error', () => undefined);
    await once(call, 'readable');
    expect(await running()).toBe(1);
    expect(await figure(metrics, 'podhand_held_containers')).toBeGreaterThanOrEqual(1);
    call.cancel();
    await expect.poll(running, settled).toBe(0);
  } finally {
    await subject.close();
  }
});
