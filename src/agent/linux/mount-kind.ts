import type { MountEntry } from './mountinfo.ts';

/**
 * What a mount in a container is, as far as it matters to who may read it.
 * rootfs: the image and the container's own layer. volume: a named volume of the runtime, or a pod's volume of a plugin
 * that is not named here. runtimeFile: /etc/hosts and such. hostPath: any other part of the node, and whatever cannot be
 * placed. pseudo: kernel interfaces and device files. network and fuse: a server elsewhere decides when it answers.
 */
export type MountKind =
  | 'rootfs'
  | 'emptyDir'
  | 'volume'
  | 'tmpfs'
  | 'runtimeFile'
  | 'hostPath'
  | 'secret'
  | 'configMap'
  | 'projected'
  | 'downwardAPI'
  | 'csi'
  | 'pseudo'
  | 'network'
  | 'fuse';

export interface ClassifiedMount {
  /** As the container sees it. */
  readonly mountPoint: string;
  readonly mountId: number;
  readonly fsType: string;
  readonly readOnly: boolean;
  readonly kind: MountKind;
  /** Name of the pod's volume, where it is one. */
  readonly volume?: string;
}

export interface NodeMounts {
  /** The mounts of the node, from /proc/1/mountinfo in the host's pid namespace. */
  readonly entries: readonly MountEntry[];
  /** The kubelet's root directory, links resolved: `/var/lib/kubelet`. */
  readonly kubeletDirectory: string;
}

/**
 * Classifies every mount of one container. `podUid` is the container's own pod: another pod's volume, reached by a
 * hostPath, is a hostPath. `rootMountId` is the mount that its root is: another one shows at `/` where it was mounted over
 * the root. What the container may have written itself (names in its mount points) decides nothing but `pseudo` and
 * `runtimeFile`'s place.
 */
export function classifyMounts(
  container: readonly MountEntry[],
  node: NodeMounts,
  podUid: string | undefined,
  rootMountId: number | undefined,
): ClassifiedMount[] {
  const root = container.find((entry) => entry.mountPoint === '/' && entry.mountId === rootMountId);
  const ownLayer = root?.fsType === 'overlay' ? root.dev : undefined;
  return container.map((entry) => {
    const { mountPoint, mountId, fsType, readOnly } = entry;
    const placed: Placed = entry === root ? { kind: 'rootfs' } : classify(entry, node, podUid, ownLayer);
    return { mountPoint, mountId, fsType, readOnly, ...placed };
  });
}

/** One mount of a container; see `classifyMounts`, which also knows its root, and the root's layer bound elsewhere. */
export function classifyMount(entry: MountEntry, node: NodeMounts, podUid: string | undefined): ClassifiedMount {
  const { mountPoint, mountId, fsType, readOnly } = entry;
  return { mountPoint, mountId, fsType, readOnly, ...classify(entry, node, podUid, undefined) };
}

interface Placed {
  readonly kind: MountKind;
  readonly volume?: string;
}

function classify(
  entry: MountEntry,
  node: NodeMounts,
  podUid: string | undefined,
  ownLayer: string | undefined,
): Placed {
  const byPlace = kindOfPlace(entry);
  if (byPlace !== undefined) return { kind: byPlace };
  if (entry.dev === ownLayer) return { kind: 'rootfs' };
  // Each is a true name of the mounted directory, one for every mount of its file system that shows it; where several
  // of them say something, what is kept from readers wins.
  const places = hostPaths(entry, node.entries).map((path) => place(path, entry.mountPoint, node, podUid));
  const known = places.filter((found) => found !== undefined).sort((a, b) => caution(a) - caution(b));
  if (known[0] !== undefined) return known[0];
  if (entry.fsType === 'tmpfs' && places.length === 0) return { kind: 'tmpfs' };
  return { kind: 'hostPath' };
}

function kindOfPlace({ mountPoint, fsType }: MountEntry): MountKind | undefined {
  if (fuseTypes.test(fsType)) return 'fuse';
  if (networkTypes.has(fsType)) return 'network';
  if (pseudoTypes.has(fsType) || (mountPoint === '/dev' && fsType === 'tmpfs')) return 'pseudo';
  // Masked with an empty tmpfs or with /dev/null by the runtime.
  if (/^\/(?:proc|sys)(?:\/|$)/.test(mountPoint)) return 'pseudo';
  return undefined;
}

/** Where the mounted directory or file is found on the node: through every mount that contains it. */
function hostPaths(entry: MountEntry, node: readonly MountEntry[]): string[] {
  return node
    .filter((candidate) => candidate.dev === entry.dev)
    .flatMap((candidate) => {
      const below = suffix(entry.root, candidate.root);
      return below === undefined ? [] : [`${candidate.mountPoint === '/' ? '' : candidate.mountPoint}${below}` || '/'];
    });
}

/** The rest of `path` below `directory`, with its leading slash; undefined where it is not below. */
function suffix(path: string, directory: string): string | undefined {
  if (directory === '/') return path === '/' ? '' : path;
  if (path === directory) return '';
  return path.startsWith(`${directory}/`) ? path.slice(directory.length) : undefined;
}

function place(path: string, mountPoint: string, node: NodeMounts, podUid: string | undefined): Placed | undefined {
  const inPod = podUid === undefined ? undefined : suffix(path, `${node.kubeletDirectory}/pods/${podUid}`);
  if (inPod !== undefined) return placeInPod(inPod);
  if (runtimeFile.test(path) && runtimeFilePlaces.has(mountPoint)) return { kind: 'runtimeFile' };
  if (mountPoint === '/dev/shm' && sandboxShm.test(path)) return { kind: 'tmpfs' };
  const named = namedVolume.exec(path)?.[1];
  return named === undefined ? undefined : { kind: 'volume', volume: named };
}

function placeInPod(path: string): Placed | undefined {
  if (path === '/etc-hosts' || /^\/containers\/[^/]+\/[^/]+$/.test(path)) return { kind: 'runtimeFile' };
  const [, plugin, volume] = /^\/volumes\/([^/]+)\/([^/]+)/.exec(path) ?? [];
  if (plugin !== undefined && volume !== undefined) return { kind: pluginKinds.get(plugin) ?? 'volume', volume };
  // volume-subpaths/ says nothing: it is what a sub-path of a hostPath looks like too. Another mount shows whose it is.
  return undefined;
}

const pluginKinds = new Map<string, MountKind>([
  ['kubernetes.io~empty-dir', 'emptyDir'],
  ['kubernetes.io~secret', 'secret'],
  ['kubernetes.io~configmap', 'configMap'],
  ['kubernetes.io~projected', 'projected'],
  ['kubernetes.io~downward-api', 'downwardAPI'],
  ['kubernetes.io~csi', 'csi'],
]);

const order: readonly MountKind[] = ['secret', 'projected', 'configMap', 'downwardAPI', 'csi', 'emptyDir'];

function caution({ kind }: Placed): number {
  const at = order.indexOf(kind);
  return at === -1 ? order.length : at;
}

/** Docker: containers/<id>; containerd: sandboxes/<id>; CRI-O: overlay-containers/<id>/userdata. */
const runtimeFile =
  /\/(?:containers|sandboxes|overlay-containers)\/[0-9a-f]{64}\/(?:userdata\/)?(?:hosts|hostname|resolv\.conf|\.containerenv)$/;
const runtimeFilePlaces = new Set(['/etc/hosts', '/etc/hostname', '/etc/resolv.conf', '/run/.containerenv']);
const sandboxShm = /\/(?:containers|sandboxes|overlay-containers)\/[0-9a-f]{64}\/(?:mounts\/|userdata\/)?shm$/;
const namedVolume = /\/(?:docker|containers\/storage)\/volumes\/([^/]+)\/_data(?:\/|$)/;

const fuseTypes = /^(?:fuse(?:blk)?(?:\..*)?|virtiofs)$/;
/** autofs: the look itself asks a daemon. */
const networkTypes = new Set(['nfs', 'nfs4', 'cifs', 'smb3', 'smbfs', 'ceph', '9p', 'afs', 'lustre', 'autofs']);
const pseudoTypes = new Set(
  (
    'proc sysfs cgroup cgroup2 devpts devtmpfs mqueue debugfs tracefs bpf securityfs selinuxfs configfs fusectl pstore ' +
    'efivarfs binfmt_misc rpc_pipefs nsfs pidfs'
  ).split(' '),
);
