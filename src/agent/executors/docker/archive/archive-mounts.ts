import { PodhandError } from '../../../../wire/errors.ts';
import { quotePath } from '../../../files/path.ts';
import { classifyMount, type MountKind } from '../../../linux/mount-kind.ts';
import type { InspectedContainer } from '../engine.ts';

export interface ArchiveMountOptions {
  /** Kinds of mounts that may be read. */
  readonly allowed: readonly MountKind[];
  /** The kubelet's root directory, links resolved. */
  readonly kubeletDirectory: string;
}

/** A mount as whoever made the container asked for it. */
export interface AskedMount {
  readonly destination: string;
  readonly kind: MountKind;
}

interface Mount {
  /** Without links; empty for the root. */
  readonly place: Buffer;
  readonly kind: MountKind;
}

type Described = Pick<InspectedContainer, 'Mounts' | 'HostConfig'>;

/** What the engine says of the mounts of a container. */
export function askedMounts(container: Described, podUid: string, kubeletDirectory: string): AskedMount[] {
  const mounts = (container.Mounts ?? []).map((mount) => ({
    destination: mount.Destination,
    kind: kindOf(mount, podUid, kubeletDirectory),
  }));
  const tmpfs = Object.keys(container.HostConfig.Tmpfs ?? {}).map((destination) => ({
    destination,
    kind: 'tmpfs' as const,
  }));
  return [...mounts, ...tmpfs];
}

/**
 * Which mounts of an ended container may be read through the engine's archive. The engine goes by names: somebody who
 * swaps a directory of a volume for a link meanwhile would lead it to any other place in the container. So volumes, which
 * other containers of the pod may write, are read only where nothing in the container is refused.
 */
export class ArchiveMounts {
  readonly #mounts: readonly Mount[];
  readonly #allowed: ReadonlySet<MountKind>;
  readonly #anyRefused: boolean;

  /** `canonical` resolves a mount's destination as the engine does: `/var/run` is a link in many images. */
  static async open(
    asked: readonly AskedMount[],
    allowed: readonly MountKind[],
    canonical: (path: Buffer) => Promise<Buffer>,
  ): Promise<ArchiveMounts> {
    const mounts: Mount[] = [];
    for (const { destination, kind } of asked) {
      // The engine's JSON has lost the bytes of such a name: nothing could be told to be below it.
      if (destination.includes('\ufffd')) throw refusedWhole('one has a name that is not UTF-8');
      const place = await canonical(Buffer.from(destination));
      mounts.push({ place: place.length === 1 ? Buffer.alloc(0) : place, kind });
    }
    return new ArchiveMounts(mounts, new Set(allowed));
  }

  private constructor(mounts: readonly Mount[], allowed: ReadonlySet<MountKind>) {
    this.#mounts = mounts;
    this.#allowed = allowed;
    this.#anyRefused = mounts.some(({ kind }) => !allowed.has(kind));
    const volumes = mounts.filter(({ kind }) => kind === 'volume' || kind === 'emptyDir');
    const isBelowVolume = ({ place }: Mount) =>
      volumes.some((volume) => volume.place !== place && isAtOrBelow(place, volume.place));
    // Whoever can write the volume chooses where the engine mounts it.
    if (mounts.some((mount) => !allowed.has(mount.kind) && isBelowVolume(mount)))
      throw refusedWhole('one lies below a volume');
  }

  /** Whether a path without links lies on a mount that is not read. */
  isRefused(path: Buffer): boolean {
    const mount = this.#innermost(path);
    return mount !== undefined && this.#reason(mount) !== undefined;
  }

  /** Errors: MOUNT_REFUSED; CONTAINER_NOT_SEEN for what was in memory and went with the container. */
  check(path: Buffer): void {
    const mount = this.#innermost(path);
    const why = mount && this.#reason(mount);
    if (mount === undefined || why === undefined) return;
    const details = { kind: mount.kind, mountPoint: quotePath(mount.place) };
    throw new PodhandError(why[0], `${quotePath(path)} ${why[1]}`, { details });
  }

  #reason({ kind }: Mount): readonly ['MOUNT_REFUSED' | 'CONTAINER_NOT_SEEN', string] | undefined {
    if (!this.#allowed.has(kind)) {
      return [
        'MOUNT_REFUSED',
        `lies on a mount of kind ${kind}, which the agent's configuration does not allow to be read`,
      ];
    }
    if (kind === 'tmpfs') {
      return [
        'CONTAINER_NOT_SEEN',
        'lay in memory, which went when the container ended before the agent could hold it',
      ];
    }
    if (!this.#anyRefused || kind === 'runtimeFile') return undefined;
    return [
      'MOUNT_REFUSED',
      'lies on a volume of a container that ended before the agent could hold it: since it also has mounts that must not be read, only its base layer can be',
    ];
  }

  #innermost(path: Buffer): Mount | undefined {
    return this.#mounts
      .filter(({ place }) => isAtOrBelow(path, place))
      .reduce<Mount | undefined>(
        (best, mount) => (best && best.place.length > mount.place.length ? best : mount),
        undefined,
      );
  }
}

function isAtOrBelow(path: Buffer, place: Buffer): boolean {
  if (!path.subarray(0, place.length).equals(place)) return false;
  return place.length === 0 || path.length === place.length || path[place.length] === 0x2f;
}

function refusedWhole(why: string): PodhandError {
  return new PodhandError(
    'MOUNT_REFUSED',
    `the container has mounts that must not be read, and they cannot be told apart: ${why}`,
  );
}

function kindOf(mount: Described['Mounts'][number], podUid: string, kubeletDirectory: string): MountKind {
  if (mount.Type === 'volume' || mount.Type === 'tmpfs') return mount.Type;
  const pod = `${kubeletDirectory}/pods/${podUid}/`;
  const inPod = mount.Type === 'bind' && mount.Source.startsWith(pod) ? mount.Source.slice(pod.length) : '';
  // A volume as a whole, or a file of the kubelet. What lies deeper may be a link that the pod has put there.
  if (!/^(?:volumes\/[^/]+\/[^/]+|etc-hosts|containers\/[^/]+\/[^/]+)$/.test(inPod)) return 'hostPath';
  const common = {
    mountId: 1,
    parentId: 0,
    dev: '0:1',
    readOnly: !mount.RW,
    fsType: 'bind',
    source: '',
    superOptions: [],
  };
  const node = { ...common, root: '/', mountPoint: '/' };
  return classifyMount(
    { ...common, root: mount.Source, mountPoint: mount.Destination },
    { entries: [node], kubeletDirectory },
    podUid,
  ).kind;
}
