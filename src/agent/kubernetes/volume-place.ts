import { PodhandError } from '../../wire/errors.ts';
import { components, parsePath, quotePath } from '../files/path.ts';
import type { MountKind } from '../linux/mount-kind.ts';
import type { ContainerJson, PodJson } from './pod-json.ts';

/** Where a path of a container lies below the kubelet's directory. */
export interface VolumePlace {
  readonly kind: MountKind;
  readonly volume: string;
  /** As the container sees the volume. */
  readonly mountPath: Buffer;
  /** Of the volume, relative to the kubelet's directory. */
  readonly directory: string;
  /** The part of the volume that is mounted; empty for all of it. */
  readonly subPath: string;
  /** Absolute, with the mounted part of the volume as its root. */
  readonly inner: Buffer;
  /** Other mounts of the container below the path: their contents are elsewhere. */
  readonly mountsBelow: number;
}

/** What may be read of the volumes, and who says so in messages. */
export interface VolumeTerms {
  readonly executor: string;
  readonly allowed: readonly MountKind[];
}

/** A volume's one key beside its name: its kind, and the directory of its plugin below `volumes/`. */
const plugins = new Map<string, { readonly kind: MountKind; readonly directory: string; readonly below?: string }>([
  ['emptyDir', { kind: 'emptyDir', directory: 'kubernetes.io~empty-dir' }],
  ['configMap', { kind: 'configMap', directory: 'kubernetes.io~configmap' }],
  ['secret', { kind: 'secret', directory: 'kubernetes.io~secret' }],
  ['projected', { kind: 'projected', directory: 'kubernetes.io~projected' }],
  ['downwardAPI', { kind: 'downwardAPI', directory: 'kubernetes.io~downward-api' }],
  ['csi', { kind: 'csi', directory: 'kubernetes.io~csi', below: 'mount' }],
]);

type VolumeMount = ContainerJson['volumeMounts'][number];

/** Every container of a pod's specification. */
export function containerNamed({ spec }: PodJson, name: string): ContainerJson | undefined {
  return [...spec.initContainers, ...spec.containers, ...spec.ephemeralContainers].find((one) => one.name === name);
}

/**
 * Maps a parsed path of a container to its volume, by the longest mount path that it lies on. Links in the path are not
 * looked at: a path that leads onto a volume by a link of the base layer counts as one of the base layer.
 * Errors: BASE_LAYER_NOT_OFFERED, MOUNT_REFUSED, VOLUME_NOT_REACHABLE.
 */
export function volumePlace(pod: PodJson, container: string, path: Buffer, terms: VolumeTerms): VolumePlace {
  const mounts = containerNamed(pod, container)?.volumeMounts ?? [];
  const placed = mounts.map((mount) => ({ mount, parts: components(Buffer.from(mount.mountPath)) }));
  const wanted = components(path);
  const on = placed
    .filter(({ parts }) => isPrefix(parts, wanted))
    .reduce<(typeof placed)[number] | undefined>(
      (best, one) => (best === undefined || one.parts.length >= best.parts.length ? one : best),
      undefined,
    );
  if (on === undefined) throw onBaseLayer(path, terms);
  const rest = wanted.slice(on.parts.length);
  return {
    ...locate(pod, on.mount, path, terms),
    mountPath: parsePath(Buffer.from(on.mount.mountPath), { directory: true }),
    inner: Buffer.concat([Buffer.from('/'), ...rest.flatMap((part, at) => (at === 0 ? [part] : [slash, part]))]),
    mountsBelow: placed.filter(({ parts }) => parts.length > wanted.length && isPrefix(wanted, parts)).length,
  };
}

const slash = Buffer.from('/');

function isPrefix(prefix: readonly Buffer[], of: readonly Buffer[]): boolean {
  return prefix.length <= of.length && prefix.every((part, at) => of[at]?.equals(part));
}

function locate(
  { metadata, spec }: PodJson,
  { name, subPath, subPathExpr }: VolumeMount,
  path: Buffer,
  { allowed }: VolumeTerms,
): Pick<VolumePlace, 'kind' | 'volume' | 'directory' | 'subPath'> {
  const source = Object.entries(spec.volumes.find((volume) => volume.name === name) ?? {});
  const type = source.find(([key, value]) => key !== 'name' && value !== null && value !== undefined)?.[0] ?? 'none';
  const plugin = plugins.get(type);
  const kind: MountKind = plugin?.kind ?? (type === 'hostPath' ? 'hostPath' : 'volume');
  if (!allowed.includes(kind)) {
    const message = `${quotePath(path)} lies on a volume of kind ${type}, which the agent's configuration does not allow to be read`;
    throw new PodhandError('MOUNT_REFUSED', message, { details: { kind, volume: name } });
  }
  if (plugin === undefined) throw notReachable(path, name, `volumes of kind ${type} are not read from the node`);
  if (subPathExpr !== '') throw notReachable(path, name, 'its subPathExpr is known to the container alone');
  const below = plugin.below === undefined ? '' : `/${plugin.below}`;
  const directory = `pods/${metadata.uid}/volumes/${plugin.directory}/${name}${below}`;
  return { kind, volume: name, directory, subPath };
}

export function notReachable(path: Buffer, volume: string, why: string): PodhandError {
  const message = `${quotePath(path)} lies on volume "${volume}", which is out of reach: ${why}`;
  return new PodhandError('VOLUME_NOT_REACHABLE', message, { details: { volume } });
}

function onBaseLayer(path: Buffer, { executor }: VolumeTerms): PodhandError {
  const message = `${quotePath(path)} lies on the container's base layer, which the ${executor} executor does not reach: have it written to a volume (an emptyDir), or use pns, docker or emissary`;
  return new PodhandError('BASE_LAYER_NOT_OFFERED', message);
}
