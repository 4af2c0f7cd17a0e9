import type Docker from 'dockerode';
import { DockerLogs } from '../../src/agent/executors/docker/logs/docker-logs.ts';
import type { LogChunk, LogOptions } from '../../src/agent/executors/roles.ts';
import { EnginePod } from './engine-pod.ts';
import { containerOf } from './test-pod.ts';

const never = new AbortController().signal;
export const mixed = `
  i=0
  while [ $i -lt 6 ]; do
    echo "out $i"; sleep 0.01
    echo "err $i" >&2; sleep 0.01
    i=$((i+1))
  done
  head -c 40000 /dev/zero | tr '\\0' a; echo; sleep 0.01
  printf 'three\\nlines\\nat once\\n'; sleep 0.01
  head -c 20000 /dev/zero | tr '\\0' b >&2; echo >&2; sleep 0.01
  printf 'no newline'`;

/** Logs as the executor reads them from the engine. */
export class EngineLogs extends EnginePod {
  read({ id }: Docker.Container, options: Partial<LogOptions> = {}, signal = never): AsyncIterable<LogChunk> {
    const whole = { follow: false, timestamps: false, ...options };
    return new DockerLogs(this.engine).read(containerOf(this.pod, id), whole, signal);
  }

  async all(container: Docker.Container, options: Partial<LogOptions> = {}): Promise<LogChunk[]> {
    const chunks: LogChunk[] = [];
    for await (const chunk of this.read(container, options)) chunks.push(chunk);
    return chunks;
  }
}

export function text(chunks: readonly LogChunk[], stream?: string): string {
  const wanted = chunks.filter((chunk) => stream === undefined || chunk.stream === stream);
  return Buffer.concat(wanted.map(({ data }) => data)).toString();
}
