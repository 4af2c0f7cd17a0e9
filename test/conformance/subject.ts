import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Metadata } from '@grpc/grpc-js';
import { pino } from 'pino';
import { type Agent, startAgent } from '../../src/agent/agent.ts';
import { parseConfig } from '../../src/agent/config/load.ts';
import { createExecutors } from '../../src/agent/executors/create.ts';
import type { CapabilityName, ExecutorName } from '../../src/agent/executors/roles.ts';
import type { CollectArtifactResponse__Output } from '../../src/wire/generated/podhand/v1/CollectArtifactResponse.ts';
import type { ExecutorServiceClient } from '../../src/wire/generated/podhand/v1/ExecutorService.ts';
import type { FinalRecord__Output } from '../../src/wire/generated/podhand/v1/FinalRecord.ts';
import type { ReadFileResponse__Output } from '../../src/wire/generated/podhand/v1/ReadFileResponse.ts';
import type { StreamLogsRequest } from '../../src/wire/generated/podhand/v1/StreamLogsRequest.ts';
import type { StreamLogsResponse__Output } from '../../src/wire/generated/podhand/v1/StreamLogsResponse.ts';
import type { WaitResponse__Output } from '../../src/wire/generated/podhand/v1/WaitResponse.ts';
import type { ContainerSpec, PodOptions, TestContainer, TestPod, TestRuntime } from '../node/pods.ts';
import { about, connect, failure, unary } from '../rpc/agent-under-test.ts';

/** An executor on a real component: what the conformance suite runs over. */
export interface Flavour {
  readonly executor: ExecutorName;
  /** Brings the component up; `close` leaves nothing behind. */
  open(): Promise<{ runtime: TestRuntime; settings: string[]; close(): Promise<void> }>;
  /** Whether containers of this runtime can have a terminal; plain namespaces have none. */
  readonly terminals: boolean;
  /** How a line of a terminal ends in the log; CR LF if absent. containerd takes the CR away. */
  readonly terminalNewline?: string;
  /** Bytes of short lines that the runtime keeps without rotating them away from the executor; 100 MB if absent. */
  readonly largestLog?: number;
  /** A pod gets no containers but those it is created with, as in a cluster. */
  readonly fixedPods?: boolean;
  /** An emissary is the first process of each container, and the command its child. */
  readonly supervised?: boolean;
  /** The capability table: each yes is tried, each no is tried as a refusal. */
  readonly capabilities: Readonly<Record<CapabilityName, boolean>>;
}

export interface Subject {
  readonly runtime: TestRuntime;
  readonly client: ExecutorServiceClient;
  readonly logLines: string[];
  readonly runDir: string;
  readonly stateDir: string;
  pod(options?: PodOptions): Promise<TestPod>;
  /** A container whose command is a busybox shell script. */
  sh(pod: TestPod, name: string, script: string, spec?: Partial<ContainerSpec>): Promise<TestContainer>;
  restartAgent(): Promise<void>;
  close(): Promise<void>;
}

/** A real agent over the flavour's executor. */
export async function openSubject(flavour: Flavour): Promise<Subject> {
  const { runtime, settings, close } = await flavour.open();
  const directory = mkdtempSync(join(tmpdir(), 'podhand-'));
  const runDir = dirname(runtime.socketsDir);
  const base = [
    `containerRuntimeExecutor=${flavour.executor}`,
    `runDir=${runDir}`,
    `stateDir=${directory}/state`,
    `kubelet.directory=${runtime.kubeletDir}`,
    'drain=2s',
    'pods.forgetAfter=1s',
    'limits.callsPerSecondPerPod=100000',
    'limits.callBurstPerPod=100000',
  ];
  const logLines: string[] = [];
  const log = pino({ level: 'info' }, { write: (line: string) => void logLines.push(line) });
  const config = parseConfig({ environment: {}, set: [...base, ...settings] });
  const up = () => startAgent({ config, version: 'test', log, createExecutors });
  let agent: Agent = await up();
  const client = connect(`${runDir}/admin.sock`);
  return {
    runtime,
    client,
    logLines,
    runDir,
    stateDir: `${directory}/state`,
    pod: (options) => runtime.pod(options),
    sh: async (pod, name, script, spec = {}) => {
      const started = await pod.run({ name, command: ['/bin/sh', '-c', script], ...spec });
      // On the admin socket a pod has to be known to be asked about; in the pod, its socket is there once it is.
      if (spec.start !== false)
        await eventually(async () => (await failure(unary(client, 'getInfo', {}, of(pod)))) === 'OK');
      return started;
    },
    restartAgent: async () => {
      await agent.stop();
      agent = await up();
    },
    close: async () => {
      client.close();
      await agent.stop();
      await close();
      for (const made of [directory, runDir]) rmSync(made, { recursive: true, force: true });
    },
  };
}

/** Until it is so; for what happens soon, at a time that is not ours. */
export async function eventually(condition: () => Promise<boolean>): Promise<void> {
  const until = Date.now() + 100_000;
  while (!(await condition())) {
    if (Date.now() > until) throw new Error(`not so within 100 s: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

export function of(pod: TestPod): Metadata {
  return about(pod.uid);
}

/** Waits for one container and gives its final record. */
export async function waitFor(subject: Subject, pod: TestPod, name: string): Promise<FinalRecord__Output> {
  const call = subject.client.wait({ containers: [name], untilKnown: true }, of(pod), {
    deadline: Date.now() + 100_000,
  });
  for await (const event of call as AsyncIterable<WaitResponse__Output>) {
    const record = event.result?.records[0];
    if (record !== undefined) return record;
  }
  throw new Error('Wait ended without a result');
}

export interface Logs {
  readonly stdout: Buffer;
  readonly stderr: Buffer;
  readonly both: Buffer;
  readonly cursors: Buffer[];
  readonly ended: boolean;
}

/** `withinMs` is less than a test has: a stream that hangs is to be told as one. */
export async function logsOf(
  subject: Subject,
  pod: TestPod,
  request: StreamLogsRequest,
  withinMs = 100_000,
): Promise<Logs> {
  const deadline = Date.now() + withinMs;
  const call = subject.client.streamLogs({ untilKnown: true, ...request }, of(pod), { deadline });
  const parts: { stream: string; data: Buffer }[] = [];
  const cursors: Buffer[] = [];
  let ended = false;
  for await (const event of call as AsyncIterable<StreamLogsResponse__Output>) {
    if (event.end) ended = true;
    if (!event.chunk) continue;
    parts.push(event.chunk);
    cursors.push(event.chunk.cursor);
  }
  const only = (stream: string) =>
    Buffer.concat(parts.filter((part) => part.stream === stream).map((part) => part.data));
  return {
    stdout: only('LOG_STREAM_STDOUT'),
    stderr: only('LOG_STREAM_STDERR'),
    both: Buffer.concat(parts.map((part) => part.data)),
    cursors,
    ended,
  };
}

export async function readFile(
  subject: Subject,
  pod: TestPod,
  container: string,
  path: string | Buffer,
  maxBytes = 0,
): Promise<Buffer> {
  const call = subject.client.readFile({ container, path: Buffer.from(path), maxBytes }, of(pod), {
    deadline: Date.now() + 60_000,
  });
  const chunks: Buffer[] = [];
  for await (const part of call as AsyncIterable<ReadFileResponse__Output>)
    if (part.part === 'chunk' && part.chunk) chunks.push(part.chunk);
  return Buffer.concat(chunks);
}

type Format = 'ARCHIVE_FORMAT_RAW' | 'ARCHIVE_FORMAT_TAR' | 'ARCHIVE_FORMAT_TAR_GZIP' | 'ARCHIVE_FORMAT_TAR_ZSTD';

export async function collect(
  subject: Subject,
  pod: TestPod,
  container: string,
  path: string | Buffer,
  format: Format,
) {
  const call = subject.client.collectArtifact({ container, path: Buffer.from(path), format }, of(pod), {
    deadline: Date.now() + 120_000,
  });
  const chunks: Buffer[] = [];
  let trailer: CollectArtifactResponse__Output['trailer'];
  for await (const part of call as AsyncIterable<CollectArtifactResponse__Output>) {
    if (part.part === 'chunk' && part.chunk) chunks.push(part.chunk);
    if (part.trailer) trailer = part.trailer;
  }
  if (!trailer) throw new Error('no trailer');
  return { bytes: Buffer.concat(chunks), trailer };
}
