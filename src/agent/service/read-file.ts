import { PodhandError } from '../../wire/errors.ts';
import type { ReadFileRequest__Output } from '../../wire/generated/podhand/v1/ReadFileRequest.ts';
import type { ReadFileResponse } from '../../wire/generated/podhand/v1/ReadFileResponse.ts';
import type { CallContext } from '../connection/caller.ts';
import { parsePath } from '../files/path.ts';
import { PacedReceiver } from '../files/receiver.ts';
import { recut } from '../files/recut.ts';
import type { FileSource } from '../files/source.ts';
import { containerNamed, limitsFor, roleOf, type ServiceDependencies } from './dependencies.ts';
import { fileInfo } from './messages.ts';

export async function* readFile(
  dependencies: ServiceDependencies,
  context: CallContext,
  request: ReadFileRequest__Output,
): AsyncGenerator<ReadFileResponse> {
  const path = parsePath(request.path);
  const limits = limitsFor(dependencies.config, request.maxBytes);
  const source = await openFiles(dependencies, context, request.container);
  try {
    const receiver = new PacedReceiver(dependencies.config.limits.transferRate);
    const body = await source.readFile(path, limits, context.signal, receiver);
    context.audit?.begun(request.container);
    yield { info: fileInfo(body.facts) };
    let sent = 0;
    for await (const chunk of receiver.taking(recut(body.chunks))) {
      sent += chunk.length;
      context.facts.bytes = sent;
      yield { chunk };
    }
    context.facts.bytes = sent;
  } finally {
    source.release();
  }
}

/** The files of the newest attempt of a container of the calling pod, to be released by the caller. */
export async function openFiles(
  dependencies: ServiceDependencies,
  context: CallContext,
  name: string,
): Promise<FileSource> {
  const files = roleOf(dependencies, context, 'files');
  const container = containerNamed(dependencies, context, name);
  if (container.state !== 'waiting') return await files.open(container, context.signal);
  throw new PodhandError('CONTAINER_NOT_STARTED', `container "${name}" has not started; it has no files yet`);
}
