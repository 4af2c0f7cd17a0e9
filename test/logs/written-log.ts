import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LogChunk, LogOptions, LogsRole } from '../../src/agent/executors/roles.ts';
import type { DrainRule } from '../../src/agent/logs/log-ending.ts';
import { createNodeLogs } from '../../src/agent/logs/node-logs.ts';
import type { Container, Pod } from '../../src/agent/pods/model.ts';
import { PodStore } from '../../src/agent/pods/store.ts';

export type Format = 'cri' | 'docker-json';
export type Stream = 'stdout' | 'stderr';

/** One write of a container, as the runtime logs it. */
export interface Written {
  readonly stream: Stream;
  /** Its newline included, where the line ends. */
  readonly text: string;
  readonly time?: string;
}

export const pod: Pod = { uid: '5d0c0b1e-6d4f-4d4a-9c3e-0a1b2c3d4e5f', namespace: 'default', name: 'steps' };
export const someTime = '2024-05-06T07:08:09.123456789Z';

/** A container's log directory on disk, shaped as a kubelet or a docker engine has it. */
export class WrittenLog {
  readonly root: string;
  readonly directory: string;
  readonly path: string;
  readonly store = new PodStore();
  readonly id: string;
  readonly format: Format;

  private constructor(root: string, format: Format, id: string) {
    this.root = root;
    this.format = format;
    this.id = id;
    const below = format === 'cri' ? [`default_steps_${pod.uid}`, 'main'] : [id];
    this.directory = join(root, ...below);
    this.path = join(this.directory, format === 'cri' ? '0.log' : `${id}-json.log`);
  }

  static async make(format: Format, id = 'a'.repeat(64)): Promise<WrittenLog> {
    const log = new WrittenLog(await mkdtemp(join(tmpdir(), 'podhand-logs-')), format, id);
    await mkdir(log.directory, { recursive: true });
    log.is('running');
    return log;
  }

  /** Puts the container into the store in that state. */
  is(state: Container['state'], finishedAt = new Date()): Container {
    const container: Container = {
      podUid: pod.uid,
      name: 'main',
      id: this.id,
      image: '',
      imageId: '',
      kind: 'regular',
      restartCount: 0,
      state,
      logPath: this.path,
      ...((state === 'exited' || state === 'unknown') && {
        exit: { exitCode: 0, oomKilled: false, finishedAt, source: 'pidfd' },
      }),
    };
    this.store.put(pod, container);
    return container;
  }

  get container(): Container {
    const container = this.store.byId(pod.uid, this.id);
    if (container === undefined) throw new Error('not in the store');
    return container;
  }

  role(drain?: DrainRule): LogsRole {
    const roots = this.format === 'cri' ? { pods: this.root } : { docker: this.root };
    return createNodeLogs({ store: this.store, roots, ...(drain && { drain }) });
  }

  read(options: Partial<LogOptions> = {}, signal = new AbortController().signal): AsyncIterable<LogChunk> {
    return this.role().read(this.container, { follow: false, timestamps: false, ...options }, signal);
  }

  remove(): Promise<void> {
    return rm(this.root, { recursive: true, force: true });
  }
}

/** The record that a runtime of that format writes. A CRI runtime says whether the line ends, docker keeps the newline. */
export function record(format: Format, { stream, text, time = someTime }: Written): string {
  const ends = text.endsWith('\n');
  if (format === 'cri') return `${time} ${stream} ${ends ? 'F' : 'P'} ${ends ? text.slice(0, -1) : text}\n`;
  return `{"log":${goString(text)},"stream":"${stream}","time":"${time}"}\n`;
}

/** A JSON string as Go's encoder writes it: it also escapes `<`, `>`, `&` and the line separators of Unicode. */
function goString(text: string): string {
  return JSON.stringify(text).replace(
    /[<>&\u2028\u2029\u007f]|\\[bf]/g,
    (found) => `\\u${(found === '\\b' ? 8 : found === '\\f' ? 12 : found.charCodeAt(0)).toString(16).padStart(4, '0')}`,
  );
}

export async function gather(chunks: AsyncIterable<LogChunk>): Promise<LogChunk[]> {
  const all: LogChunk[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return all;
}

export function textOf(chunks: readonly LogChunk[], stream?: Stream): string {
  return Buffer.concat(
    chunks.filter((chunk) => stream === undefined || chunk.stream === stream).map(({ data }) => data),
  ).toString();
}
