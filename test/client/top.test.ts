import type { ServerWritableStream } from '@grpc/grpc-js';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { PodhandError } from '../../src/wire/errors.ts';
import { ScriptedAgent, statusOf } from './scripted-agent.ts';
import { Terminal } from './terminal.ts';

type Call = ServerWritableStream<object, object>;

const settled = { timeout: 30_000 };
const enter = '\u001b[?1049h';
const leave = '\u001b[?1049l';
let agent: ScriptedAgent;
let calls: Call[];
let gone: number;
beforeEach(async () => {
  agent = new ScriptedAgent();
  calls = [];
  gone = 0;
  const WatchStats = (call: Call): void => {
    calls.push(call);
    call.on('cancelled', () => {
      gone += 1;
    });
  };
  await agent.start({ WatchStats });
});
afterEach(() => agent[Symbol.dispose]());

interface Use {
  readonly name: string;
  readonly cpu: number;
  readonly memory: number;
}

const hungry: Use = { name: 'hungry', cpu: 0.1, memory: 900_000_000 };
const busy: Use = { name: 'busy', cpu: 1.5, memory: 1_000_000 };

/** A container with one process each. */
function sample(...uses: Use[]): object {
  const stats = uses.map(({ name, cpu, memory }, at) => ({
    container: name,
    cpuCores: cpu,
    usage: { memoryBytes: memory },
    processes: [{ pid: at + 1, command: `run-${name}`, cpuPercent: cpu * 100, memoryBytes: memory }],
  }));
  return { stats };
}

/** The command on a terminal, once it has called. */
async function open(args: string[] = [], size = {}): Promise<{ terminal: Terminal; send(message: object): void }> {
  const terminal = await Terminal.run(['--socket', agent.socketPath, '--retry-for', '0s', 'top', ...args], size);
  await expect.poll(() => calls.length, settled).toBe(1);
  return { terminal, send: (message) => void calls[0]?.write(message) };
}

/** Of the containers, then of the processes. */
const order = (terminal: Terminal) => terminal.frame.flatMap((line) => line.match(/^(?:hungry|busy)(?= )/)?.[0] ?? []);

test('each sample is drawn over the one before, and q gives the terminal back', async () => {
  const { terminal, send } = await open();
  await using _ = terminal;
  send(sample(busy, { ...hungry, name: 'second' }));
  await expect.poll(() => terminal.frame.join('\n'), settled).toContain('second');
  send(sample({ ...busy, cpu: 0.25 }));
  await expect.poll(() => terminal.frame.join('\n'), settled).toContain('25.0%');
  expect(terminal.frame.join('\n')).not.toContain('second');
  terminal.type('q');
  expect(await terminal.ended).toBe(0);
  expect(terminal.restored).toBe(true);
  expect(terminal.output.indexOf(enter)).toBeGreaterThanOrEqual(0);
  expect(terminal.output.trimEnd().endsWith(leave)).toBe(true);
  await expect.poll(() => gone, settled).toBe(1);
});

test('the busiest is first; c and m change what that means, at once', async () => {
  const { terminal, send } = await open();
  await using _ = terminal;
  send(sample(hungry, busy));
  await expect.poll(() => order(terminal), settled).toEqual(['busy', 'hungry', 'busy', 'hungry']);
  terminal.type('m');
  await expect.poll(() => order(terminal), settled).toEqual(['hungry', 'busy', 'hungry', 'busy']);
  terminal.type('c');
  await expect.poll(() => order(terminal), settled).toEqual(['busy', 'hungry', 'busy', 'hungry']);
  terminal.type('\u0003');
  expect(await terminal.ended).toBe(0);
  expect(terminal.restored).toBe(true);
});

test('--sort memory, and an interval', async () => {
  const { terminal, send } = await open(['--sort', 'memory', '--interval', '5s']);
  await using _ = terminal;
  expect(calls[0]?.request).toMatchObject({ interval: { seconds: 5 } });
  send(sample(busy, hungry));
  await expect.poll(() => order(terminal), settled).toEqual(['hungry', 'busy', 'hungry', 'busy']);
});

test('a terminal that becomes smaller, or larger, shows what fits without another sample', async () => {
  const { terminal, send } = await open([], { rows: 40, columns: 100 });
  await using _ = terminal;
  const many = Array.from({ length: 20 }, (_, at) => ({ ...busy, name: `container-${at}` }));
  send(sample(...many));
  await expect.poll(() => terminal.frame.length, settled).toBe(40);
  await terminal.resize(10, 60);
  await expect.poll(() => terminal.frame.length, settled).toBe(10);
  await terminal.resize(30, 100);
  await expect.poll(() => terminal.frame.length, settled).toBe(30);
});

test.each(['SIGINT', 'SIGTERM'] as const)('%s gives the terminal back', async (signal) => {
  const { terminal, send } = await open();
  await using _ = terminal;
  send(sample(busy));
  await expect.poll(() => terminal.frames, settled).toBe(1);
  terminal.signal(signal);
  expect(await terminal.ended).toBe(0);
  expect(terminal.restored).toBe(true);
  expect(terminal.output.trimEnd().endsWith(leave)).toBe(true);
});

test('an agent that refuses: the terminal first, then the reason', async () => {
  const { terminal, send } = await open();
  await using _ = terminal;
  send(sample(busy));
  await expect.poll(() => terminal.frames, settled).toBe(1);
  calls[0]?.emit('error', statusOf(new PodhandError('ROLE_NOT_OFFERED', 'no figures here')));
  expect(await terminal.ended).toBe(64);
  expect(terminal.restored).toBe(true);
  expect(terminal.output.slice(terminal.output.indexOf(leave))).toContain('no figures here');
});
