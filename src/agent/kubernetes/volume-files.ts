import { closeSync } from 'node:fs';
import { PodhandError } from '../../wire/errors.ts';
import type { FilesRole } from '../executors/roles.ts';
import { createHeldRootSource } from '../files/held-root-source.ts';
import { baseName, quotePath } from '../files/path.ts';
import type { FileBody, FileSource, TreeSummary } from '../files/source.ts';
import type { SaveOptions } from '../files/write-place.ts';
import { type FileCredentials, mayBecomeOthers, ownFileCredentials } from '../linux/credentials.ts';
import type { Container } from '../pods/model.ts';
import { containerUser, nodeRoot } from './container-user.ts';
import type { NodePods } from './node-pods.ts';
import type { PodJson } from './pod-json.ts';
import { type VolumePlace, type VolumeTerms, volumePlace } from './volume-place.ts';
import { openVolumeRoot } from './volume-root.ts';

export interface VolumeFilesOptions extends VolumeTerms {
  /** As the agent sees it. */
  readonly kubeletDirectory: string;
  saving(podUid: string): SaveOptions;
}

/** Files on the volumes of a pod, read on the node: of running and ended containers, as long as the pod is there. */
export class VolumeFiles implements FilesRole {
  readonly #options: VolumeFilesOptions;
  readonly #pods: Pick<NodePods, 'pod'>;

  constructor(options: VolumeFilesOptions, pods: Pick<NodePods, 'pod'>) {
    this.#options = options;
    this.#pods = pods;
  }

  async open(container: Container): Promise<FileSource> {
    const pod = this.#pods.pod(container.podUid);
    if (pod === undefined) throw new PodhandError('POD_NOT_FOUND', 'the pod has left the node');
    return new VolumeSource(this.#options, pod, container.name);
  }
}

/** Each call opens the volume that its path lies on, and closes it with its body. */
class VolumeSource implements FileSource {
  readonly #options: VolumeFilesOptions;
  readonly #pod: PodJson;
  readonly #container: string;

  constructor(options: VolumeFilesOptions, pod: PodJson, container: string) {
    this.#options = options;
    this.#pod = pod;
    this.#container = container;
  }

  readonly readFile: FileSource['readFile'] = async (path, ...call) =>
    await this.#on(path, (source, place) => source.readFile(place.inner, ...call));

  readonly readTar: FileSource['readTar'] = async (path, ...call) =>
    await this.#on(path, async (source, place) => withMountsBelow(await source.readTar(place.inner, ...call), place));

  readonly copyTo: FileSource['copyTo'] = async (path, destination, limits, signal) =>
    await this.#on(path, async (source, place) => {
      const result = await source.copyTo(place.inner, destination, limits, signal);
      return { ...result, ...counted(result, place) };
    });

  release(): void {
    // Nothing is held between the calls.
  }

  async #on<T>(path: Buffer, action: (source: FileSource, place: VolumePlace) => Promise<T>): Promise<T> {
    const { kubeletDirectory, allowed, saving } = this.#options;
    const place = volumePlace(this.#pod, this.#container, path, this.#options);
    const credentials = this.#credentials(place, path);
    const { rootFd, mounts } = openVolumeRoot(kubeletDirectory, place, path);
    const source = createHeldRootSource({
      ...saving(this.#pod.metadata.uid),
      rootFd,
      mounts,
      volume: { name: baseName(path) },
      credentials,
      allowedMounts: allowed,
      onRelease: () => closeSync(rootFd),
    });
    try {
      return await action(source, place);
    } catch (error) {
      throw inVolume(error, place);
    } finally {
      source.release();
    }
  }

  /**
   * What an emptyDir or a projection holds is the pod's own; another volume may hold what its user must not read. An
   * agent without capabilities reads what is open to it as it is.
   */
  #credentials({ kind, volume }: VolumePlace, path: Buffer): FileCredentials {
    const ofPodAlone = kind !== 'csi' && kind !== 'volume';
    const user = containerUser(this.#pod, this.#container);
    const may = mayBecomeOthers();
    if (may && user !== undefined) return user;
    if (ofPodAlone) return may ? nodeRoot : ownFileCredentials();
    const why = may
      ? 'the pod does not say which user the container runs as: set runAsUser'
      : 'the agent has no capability SETUID and SETGID, to read it as that user';
    throw new PodhandError('PERMISSION_DENIED', `${quotePath(path)} lies on volume "${volume}", and ${why}`);
  }
}

function withMountsBelow(body: FileBody, place: VolumePlace): FileBody {
  return { ...body, summary: () => counted(body.summary(), place) };
}

function counted(summary: TreeSummary, { mountsBelow }: VolumePlace): TreeSummary {
  const { contentBytes, entries, skipped } = summary;
  return { contentBytes, entries, skipped: { ...skipped, mounts: skipped.mounts + mountsBelow } };
}

/** Paths in what it says are those within the volume. */
function inVolume(error: unknown, { volume, mountPath }: VolumePlace): unknown {
  if (!(error instanceof PodhandError)) return error;
  const message = `in volume "${volume}", mounted at ${quotePath(mountPath)}: ${error.message}`;
  return new PodhandError(error.reason, message, { details: { ...error.details, volume }, cause: error });
}
