import { PodhandError } from '../../../wire/errors.ts';
import type { FileSource } from '../../files/source.ts';
import type { Container } from '../../pods/model.ts';
import type { HeldContainers } from '../../processes/held-containers.ts';
import { heldFiles, type OpenHeldRoot } from '../pns/held-roles.ts';
import type { FilesRole } from '../roles.ts';
import { type ArchiveMountOptions, askedMounts } from './archive/archive-mounts.ts';
import { openArchiveSource, type SaveFunctions } from './archive/archive-source.ts';
import type { Engine, InspectedContainer } from './engine.ts';
import { translateEngineError } from './engine-error.ts';

/** Files by descriptors held while the container ran. */
export interface HeldFiles {
  readonly containers: HeldContainers;
  readonly openRoot: OpenHeldRoot;
}

export interface DockerFilesOptions extends ArchiveMountOptions {
  readonly engine: Engine;
  /** Absent: the agent does not see the node's processes. */
  readonly held: HeldFiles | undefined;
  readonly save: SaveFunctions;
}

/**
 * The files of a container: below its root where that is held, running or ended. Of an ended one that is not held (it ran
 * before the agent did), through the engine's archive. What is the case is known beforehand; neither is tried first.
 */
export class DockerFiles implements FilesRole {
  readonly #options: DockerFilesOptions;
  readonly #held: FilesRole | undefined;

  constructor(options: DockerFilesOptions) {
    this.#options = options;
    this.#held = options.held && heldFiles(options.held.containers, options.held.openRoot);
  }

  async open(container: Container, signal: AbortSignal): Promise<FileSource> {
    if (this.#held !== undefined && this.#isHeld(container)) return await this.#held.open(container, signal);
    const { engine, allowed, kubeletDirectory, save } = this.#options;
    try {
      const inspected = await engine.inspect(container.id, signal);
      checkEnded(container, inspected);
      const mounts = askedMounts(inspected, container.podUid, kubeletDirectory);
      return await openArchiveSource({ engine, id: container.id, mounts, allowed, kubeletDirectory, save }, signal);
    } catch (error) {
      signal.throwIfAborted();
      throw translateEngineError(error);
    }
  }

  /** Its root is there, or may still come. */
  #isHeld({ id }: Container): boolean {
    const held = this.#options.held?.containers.get(id);
    return held !== undefined && (held.rootFd !== undefined || !held.ended);
  }
}

function checkEnded(
  container: Container,
  inspected: InspectedContainer | undefined,
): asserts inspected is InspectedContainer {
  const { name } = container;
  if (inspected === undefined) {
    throw new PodhandError('CONTAINER_NOT_SEEN', `container ${name} was removed, and its files with it`);
  }
  const { State, HostConfig } = inspected;
  if (State.Status === 'created') throw new PodhandError('CONTAINER_NOT_STARTED', `container ${name} has not started`);
  // docker's own restart could come at any moment.
  const restarts = !['', 'no', undefined].includes(HostConfig.RestartPolicy?.Name);
  if (!State.Running && !State.Restarting && !restarts) return;
  const message = `the processes of container ${name} are not seen by the agent, and files of a container that runs are read in no other way: the agent must share the host pid namespace and see the cgroup tree`;
  throw new PodhandError('CONTAINER_NOT_SEEN', message);
}
