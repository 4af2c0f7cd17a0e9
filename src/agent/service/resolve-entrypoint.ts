import { PodhandError } from '../../wire/errors.ts';
import type { ResolveEntrypointRequest__Output } from '../../wire/generated/podhand/v1/ResolveEntrypointRequest.ts';
import type { ResolveEntrypointResponse } from '../../wire/generated/podhand/v1/ResolveEntrypointResponse.ts';
import type { AgentConfig } from '../config/schema.ts';
import type { CallContext } from '../connection/caller.ts';
import { kubernetesArgv } from '../executors/entrypoint.ts';
import type { ImageConfig } from '../executors/roles.ts';
import type { Container } from '../pods/model.ts';
import { containerNamed, roleOf, type ServiceDependencies } from './dependencies.ts';

export async function resolveEntrypoint(
  dependencies: ServiceDependencies,
  context: CallContext,
  request: ResolveEntrypointRequest__Output,
): Promise<ResolveEntrypointResponse> {
  const container = subject(dependencies, context, request);
  const reference = request.subject === 'image' ? (request.image ?? '') : (container?.image ?? '');
  const indexed = fromIndex(dependencies.config, reference);
  const image = indexed ?? (await fromStore(dependencies, context, container, reference));
  return {
    image: image.image,
    imageId: image.imageId,
    entrypoint: [...image.entrypoint],
    cmd: [...image.cmd],
    argv: [...kubernetesArgv(image, request.command, request.args)],
    workingDir: image.workingDir,
    user: image.user,
    source: indexed === undefined ? 'image-store' : 'image-index',
  };
}

/** The named container, or for an image the first container of the pod that runs it. */
function subject(
  dependencies: ServiceDependencies,
  context: CallContext,
  request: ResolveEntrypointRequest__Output,
): Container | undefined {
  if (request.subject === 'container') return containerNamed(dependencies, context, request.container ?? '');
  if (request.subject === 'image' && request.image) {
    return dependencies.store
      .containers(context.pod.uid)
      .find((container) => container.image === request.image || container.imageId === request.image);
  }
  throw new PodhandError('INVALID_REQUEST', 'give either a container or an image');
}

async function fromStore(
  dependencies: ServiceDependencies,
  context: CallContext,
  container: Container | undefined,
  reference: string,
): Promise<ImageConfig> {
  const role = roleOf(dependencies, context, 'entrypoint');
  if (container?.state === 'waiting' && container.imageId === '') {
    const message = `container "${container.name}" has not started; its image is not known yet`;
    throw new PodhandError('CONTAINER_NOT_STARTED', message);
  }
  if (container !== undefined) return await role.image(container, context.signal);
  const message = `image "${reference.slice(0, 256)}" is neither in the image index nor an image of this pod's containers`;
  throw new PodhandError('IMAGE_NOT_FOUND', message);
}

/** Workflow controllers name the keys `command` and `args` (3.1), then `entrypoint` and `cmd` (3.4): both are read. */
function fromIndex(config: AgentConfig, reference: string): ImageConfig | undefined {
  const entry = config.images[reference];
  if (entry === undefined) return undefined;
  return {
    image: reference,
    imageId: '',
    entrypoint: entry.entrypoint ?? entry.command ?? [],
    cmd: entry.cmd ?? entry.args ?? [],
    workingDir: '',
    user: '',
  };
}
