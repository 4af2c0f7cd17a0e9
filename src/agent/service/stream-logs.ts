import { PodhandError } from '../../wire/errors.ts';
import type { StreamLogsRequest__Output } from '../../wire/generated/podhand/v1/StreamLogsRequest.ts';
import type { StreamLogsResponse } from '../../wire/generated/podhand/v1/StreamLogsResponse.ts';
import type { CallContext } from '../connection/caller.ts';
import type { LogOptions, LogStreamName } from '../executors/roles.ts';
import { PodChanges } from '../pods/changes.ts';
import type { Container } from '../pods/model.ts';
import { containerNamed, requireName, roleOf, type ServiceDependencies } from './dependencies.ts';
import { dateOf, timestamp } from './messages.ts';

const streams = { stdout: 'LOG_STREAM_STDOUT', stderr: 'LOG_STREAM_STDERR' } as const;
const maxCursorBytes = 256;

export async function* streamLogs(
  dependencies: ServiceDependencies,
  context: CallContext,
  request: StreamLogsRequest__Output,
): AsyncGenerator<StreamLogsResponse> {
  const options = optionsOf(request);
  const logs = roleOf(dependencies, context, 'logs');
  const container = await attemptOf(dependencies, context, request);
  const sent = { stdout: 0, stderr: 0 };
  for await (const chunk of logs.read(container, options, context.signal)) {
    sent[chunk.stream] += chunk.data.length;
    const { data, cursor } = chunk;
    yield { chunk: { stream: streams[chunk.stream], data, cursor, time: timestamp(chunk.time) } };
  }
  context.facts.bytes = sent.stdout + sent.stderr;
  yield { end: { stdoutBytes: sent.stdout, stderrBytes: sent.stderr } };
}

function optionsOf(request: StreamLogsRequest__Output): LogOptions {
  const resumes = request.cursor.length > 0;
  const tailLines = request._tailLines === undefined ? undefined : request.tailLines;
  const since = dateOf(request.since);
  if (request.cursor.length > maxCursorBytes)
    throw new PodhandError('INVALID_CURSOR', 'the cursor is none that podhand gave');
  if (resumes && (tailLines !== undefined || since !== undefined)) {
    throw new PodhandError(
      'INVALID_REQUEST',
      'a cursor says where to go on: tail_lines and since cannot be given with it',
    );
  }
  if (tailLines !== undefined && tailLines < 0)
    throw new PodhandError('INVALID_REQUEST', 'tail_lines must not be negative');
  const stream = streamOf(request.stream);
  return {
    follow: request.follow,
    timestamps: request.timestamps,
    ...(stream !== undefined && { stream }),
    ...(tailLines !== undefined && { tailLines }),
    ...(since !== undefined && { since }),
    ...(resumes && { cursor: request.cursor }),
  };
}

function streamOf(stream: StreamLogsRequest__Output['stream']): LogStreamName | undefined {
  if (stream === 'LOG_STREAM_UNSPECIFIED') return undefined;
  return stream === 'LOG_STREAM_STDERR' ? 'stderr' : 'stdout';
}

/** The attempt that is asked for; with follow and until_known, once it has started. */
async function attemptOf(
  dependencies: ServiceDependencies,
  context: CallContext,
  request: StreamLogsRequest__Output,
): Promise<Container> {
  requireName(request.container);
  context.facts.container = request.container;
  if (request.previous) return previousAttempt(dependencies, context, request.container);
  const changes = new PodChanges(dependencies.store, context.pod.uid, context.signal);
  for (;;) {
    const container = dependencies.store.container(context.pod.uid, request.container);
    if (container !== undefined && container.state !== 'waiting') return container;
    if (changes.podRemoved) throw new PodhandError('POD_NOT_FOUND', 'the pod has left the node');
    if (!request.untilKnown) {
      containerNamed(dependencies, context, request.container);
      throw new PodhandError(
        'CONTAINER_NOT_STARTED',
        `container "${request.container}" has not started; until_known waits for it`,
      );
    }
    await changes.next();
  }
}

function previousAttempt(dependencies: ServiceDependencies, context: CallContext, name: string): Container {
  const newest = containerNamed(dependencies, context, name);
  const previous = dependencies.store
    .attempts(context.pod.uid)
    .filter((container) => container.name === name && container.restartCount < newest.restartCount)
    .sort((a, b) => b.restartCount - a.restartCount)[0];
  if (previous !== undefined) return previous;
  throw new PodhandError(
    'CONTAINER_NOT_FOUND',
    `container "${name}" has no previous attempt that the node still knows`,
  );
}
