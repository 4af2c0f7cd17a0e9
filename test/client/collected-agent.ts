import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Outputs } from '../../src/client/collect/outputs.ts';
import { PodhandError, type Reason } from '../../src/wire/errors.ts';
import type { Run, Started } from './command-line.ts';
import { type Answer, type Handlers, ScriptedAgent, type Streaming, statusOf } from './scripted-agent.ts';
import { archive, entry } from './tar-archives.ts';

export interface Pod {
  readonly exitCode?: number;
  readonly stdout?: Buffer;
  readonly files?: Readonly<Record<string, Buffer | Reason>>;
  readonly saves?: Reason;
  readonly logs?: Reason;
  /** It has ended only when this resolves. */
  readonly ended?: Promise<void>;
}

/** What the agent is asked with a path or a container. */
export interface Asked {
  readonly container: string;
  readonly path: Buffer;
  readonly destination: Buffer;
  readonly containers: string[];
  readonly follow: boolean;
  readonly stream: string;
  readonly cursor: Buffer;
}

export const record = { container: 'main', containerId: 'a'.repeat(64), restartCount: 0, exitKnown: true, exitCode: 0 };
export const file = archive(entry({ name: 'out', content: 'hello' }));

export const whole = `
containers: [main]
sidecars: [proxy]
result: {container: main}
parameters:
  - {name: there, container: main, path: /tmp/n}
  - {name: absent, container: main, path: /tmp/none, default: "0"}
artifacts:
  - {name: a, container: main, path: /tmp/out, format: raw, destination: sub/a}
  - {name: maybe, container: main, path: /tmp/none, optional: true}
logs: [{container: main}]
`;

/** An agent whose one pod has a main container that ended as given, and `podhand collect` on it. */
export class CollectedAgent extends ScriptedAgent {
  /** What the agent was asked to do, in order. */
  calls: string[] = [];

  serve(pod: Pod = {}): Promise<void> {
    return this.start(this.serving(pod));
  }

  /** As the command starts, with this spec. */
  startCollect(spec: string, ...more: string[]): Started {
    writeFileSync(join(this.directory, 'spec.yaml'), spec);
    return this.podhand('collect', '-f', 'spec.yaml', '--output-dir', 'outputs', ...more);
  }

  collect(spec: string, ...more: string[]): Promise<Run> {
    return this.startCollect(spec, ...more).done;
  }

  outputs(): Outputs {
    return JSON.parse(readFileSync(join(this.directory, 'outputs/outputs.json'), 'utf8'));
  }

  serving(pod: Pod = {}): Handlers {
    const final = { ...record, exitCode: pod.exitCode ?? 0 };
    const running = { name: 'main', containerId: record.containerId, state: 'CONTAINER_STATE_RUNNING' };
    const fail = (call: Streaming<Asked>, reason: Reason): void => {
      call.emit('error', statusOf(new PodhandError(reason, `it is ${reason}`)));
    };
    return {
      GetInfo: (_call: unknown, answer: Answer) =>
        answer(null, { executor: 'pns', pod: { uid: 'u', namespace: 'n', name: 'p' } }),
      ListContainers: (_call: unknown, answer: Answer) =>
        answer(null, { containers: [{ ...running, state: 'CONTAINER_STATE_EXITED', finalRecord: final }] }),
      Wait: async (call: Streaming<Asked>) => {
        this.calls.push(`wait ${call.request.containers}`);
        call.write({ changed: running });
        await pod.ended;
        call.write({ result: { records: [final] } });
        call.end();
      },
      StreamLogs: async (call: Streaming<Asked>) => {
        const { follow, stream, cursor } = call.request;
        if (stream === 'LOG_STREAM_STDOUT') this.calls.push(`result ${stream}`);
        else if (cursor.length === 0) {
          call.write({ chunk: { stream: 'LOG_STREAM_STDERR', data: Buffer.from('both\n'), cursor: Buffer.from('1') } });
        }
        if (follow) await pod.ended;
        if (pod.logs !== undefined) return fail(call, pod.logs);
        const data = pod.stdout ?? Buffer.from('out\n');
        for (let start = 0; start < data.length; start += 65_536) {
          call.write({
            chunk: {
              stream: 'LOG_STREAM_STDOUT',
              data: data.subarray(start, start + 65_536),
              cursor: Buffer.from('2'),
            },
          });
        }
        call.write({ end: {} });
        call.end();
      },
      ReadFile: (call: Streaming<Asked>) => {
        this.calls.push(`read ${call.request.path}`);
        const content = pod.files?.[call.request.path.toString()] ?? 'FILE_NOT_FOUND';
        if (typeof content === 'string') return fail(call, content);
        call.write({ chunk: content });
        call.end();
      },
      SaveArtifact: (call: Streaming<Asked>) => {
        this.calls.push(`save ${call.request.path}`);
        const content = pod.files?.[call.request.path.toString()] ?? 'FILE_NOT_FOUND';
        if (pod.saves !== undefined) return fail(call, pod.saves);
        if (typeof content === 'string') return fail(call, content);
        writeFileSync(call.request.destination, content);
        call.write({
          result: { size: content.length, contentBytes: content.length, entries: 1, sha256: Buffer.from([0xab]) },
        });
        call.end();
      },
      CollectArtifact: (call: Streaming<Asked>) => {
        this.calls.push(`collect ${call.request.path}`);
        call.write({ chunk: file });
        call.write({ trailer: { size: file.length, entries: 1, sha256: createHash('sha256').update(file).digest() } });
        call.end();
      },
      Kill: (call: { request: { containers: string[] } }, answer: Answer) => {
        this.calls.push(`kill ${call.request.containers}`);
        // What was taken is on the disk before the sidecars are stopped.
        const early = this.outputs();
        this.calls.push(`outputs complete: ${early.complete}`);
        answer(null, {
          outcomes: call.request.containers.map((container) => ({
            container,
            result: 'KILL_RESULT_FORCED',
            signals: ['TERM', 'KILL'],
          })),
        });
      },
    };
  }
}
