import { z } from 'zod';

const time = z
  .string()
  .nullish()
  .transform((text) => {
    // Go writes year 1, or null, for a time that is not set.
    const date = text === null || text === undefined || text.startsWith('0001-') ? undefined : new Date(text);
    return date === undefined || Number.isNaN(date.getTime()) ? undefined : date;
  });
const text = z
  .string()
  .nullish()
  .transform((value) => value ?? '');
const words = z
  .record(z.string(), z.string())
  .nullish()
  .transform((value) => value ?? {});
const list = <Item extends z.ZodType>(item: Item) =>
  z
    .array(item)
    .nullish()
    .transform((items) => items ?? []);
const number = z
  .number()
  .nullish()
  .transform((value) => value ?? undefined);
const truth = z
  .boolean()
  .nullish()
  .transform((value) => value ?? false);

const terminated = z.object({
  exitCode: z.number(),
  reason: text,
  message: text,
  startedAt: time,
  finishedAt: time,
  containerID: text,
});

const state = z
  .object({
    waiting: z.object({ reason: text, message: text }).nullish(),
    running: z.object({ startedAt: time }).nullish(),
    terminated: terminated.nullish(),
  })
  .nullish()
  .transform((value) => value ?? {});

const containerStatus = z.object({
  name: z.string(),
  image: text,
  imageID: text,
  containerID: text,
  restartCount: z.number().default(0),
  state,
  lastState: state,
  /** Kubernetes 1.31 and later. */
  user: z
    .object({
      linux: z.object({ uid: z.number(), gid: z.number(), supplementalGroups: list(z.number()) }).nullish(),
    })
    .nullish(),
});

const securityContext = z
  .object({
    runAsUser: number,
    runAsGroup: number,
    privileged: truth,
    capabilities: z.object({ add: list(z.string()), drop: list(z.string()) }).nullish(),
  })
  .nullish()
  .transform((value) => value ?? undefined);

const volumeMount = z.object({
  name: z.string(),
  mountPath: z.string(),
  subPath: text,
  subPathExpr: text,
});

const container = z.object({
  name: z.string(),
  image: text,
  /** `Always` makes an init container a sidecar. */
  restartPolicy: text,
  volumeMounts: list(volumeMount),
  securityContext,
});

/** Of the volume's source only its kind matters: the one key beside `name`. */
const volume = z.looseObject({ name: z.string() });

/** A Pod as far as podhand reads it. Unknown fields are dropped, absent ones are filled. */
export const podSchema = z.object({
  metadata: z.object({
    uid: z.string().regex(/^[0-9A-Za-z][0-9A-Za-z-]{0,127}$/),
    name: z.string(),
    namespace: z.string(),
    labels: words,
    annotations: words,
    deletionTimestamp: time,
  }),
  spec: z.object({
    restartPolicy: text,
    initContainers: list(container),
    containers: list(container),
    ephemeralContainers: list(container),
    volumes: list(volume),
    hostPID: truth,
    shareProcessNamespace: truth,
    securityContext: z
      .object({ runAsUser: number, runAsGroup: number, fsGroup: number, supplementalGroups: list(z.number()) })
      .nullish()
      .transform((value) => value ?? undefined),
  }),
  status: z
    .object({
      phase: text,
      reason: text,
      message: text,
      initContainerStatuses: list(containerStatus),
      containerStatuses: list(containerStatus),
      ephemeralContainerStatuses: list(containerStatus),
    })
    .prefault({}),
});

export type PodJson = z.infer<typeof podSchema>;
export type ContainerJson = PodJson['spec']['containers'][number];
export type ContainerStatusJson = PodJson['status']['containerStatuses'][number];
export type TerminatedJson = z.infer<typeof terminated>;

/**
 * Whether the kubelet has the pod from a file of the node, not from the API server: it is known there under another uid
 * (that of its mirror), and is none that may call.
 */
export function isStatic({ metadata }: PodJson): boolean {
  const source = metadata.annotations['kubernetes.io/config.source'];
  return metadata.annotations['kubernetes.io/config.mirror'] !== undefined || source === 'file' || source === 'http';
}
