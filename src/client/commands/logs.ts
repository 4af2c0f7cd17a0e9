import { PodhandError } from '../../wire/errors.ts';
import type { Session } from '../cli/session.ts';

export interface LogsOptions {
  readonly container?: string;
  readonly follow?: boolean;
  readonly tail?: number;
  readonly since?: Date;
  readonly timestamps?: boolean;
  readonly previous?: boolean;
  readonly untilKnown?: boolean;
  readonly stream?: 'stdout' | 'stderr';
}

const streams = { stdout: 'LOG_STREAM_STDOUT', stderr: 'LOG_STREAM_STDERR' } as const;

/** `podhand logs`: a container's stdout to stdout and its stderr to stderr, byte for byte. */
export async function logs(session: Session, name: string | undefined, options: LogsOptions): Promise<number> {
  const container = options.container ?? name;
  if (container === undefined) throw new PodhandError('INVALID_REQUEST', 'name a container');
  const request = {
    container,
    follow: options.follow === true,
    timestamps: options.timestamps === true,
    previous: options.previous === true,
    untilKnown: options.untilKnown === true,
    ...(options.stream === undefined ? {} : { stream: streams[options.stream] }),
    ...(options.tail === undefined ? {} : { tailLines: options.tail }),
    ...(options.since === undefined ? {} : { since: options.since }),
  };
  for await (const { chunk } of session.client.streamLogs(request, session.call)) {
    if (chunk?.stream === 'LOG_STREAM_STDERR') await session.writeError(chunk.data);
    else if (chunk) await session.write(chunk.data);
  }
  return 0;
}
