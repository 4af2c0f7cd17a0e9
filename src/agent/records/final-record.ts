import { z } from 'zod';
import type { Container, Pod, Usage } from '../pods/model.ts';

const usageSchema = z.object({
  cpuSeconds: z.number().optional(),
  memoryBytes: z.number().optional(),
  peakMemoryBytes: z.number().optional(),
  readBytes: z.number().optional(),
  writeBytes: z.number().optional(),
  pids: z.number().optional(),
  oomKills: z.number().optional(),
});

const date = z.iso.datetime().transform((text) => new Date(text));

/** The file format of a final record, version 1: one JSON object. */
export const finalRecordSchema = z.object({
  version: z.literal(1),
  podUid: z.string(),
  namespace: z.string(),
  podName: z.string(),
  container: z.string(),
  containerId: z.string(),
  restartCount: z.number(),
  kind: z.enum(['regular', 'init', 'sidecar', 'ephemeral']),
  image: z.string(),
  imageId: z.string(),
  exitKnown: z.boolean(),
  exitCode: z.number().optional(),
  signal: z.number().optional(),
  oomKilled: z.boolean(),
  startedAt: date.optional(),
  finishedAt: date.optional(),
  unknownReason: z.string().optional(),
  reason: z.string().optional(),
  message: z.string().optional(),
  usage: usageSchema.optional(),
  source: z.enum(['docker-event', 'docker-inspect', 'pidfd', 'pod-status', 'node-log', 'emissary', 'record']),
});

/** How one attempt of a container ended: written once, kept over agent restarts. */
export type FinalRecord = Readonly<z.infer<typeof finalRecordSchema>>;

/** The record of an attempt that has ended. */
export function recordOf(pod: Pod, container: Container, usage: Usage | undefined): FinalRecord {
  const exit = container.exit;
  const known = exit?.exitCode !== undefined;
  return {
    version: 1,
    podUid: pod.uid,
    namespace: pod.namespace,
    podName: pod.name,
    container: container.name,
    containerId: container.id,
    restartCount: container.restartCount,
    kind: container.kind,
    image: container.image,
    imageId: container.imageId,
    exitKnown: known,
    exitCode: exit?.exitCode,
    signal: exit?.signal,
    oomKilled: exit?.oomKilled ?? false,
    startedAt: container.startedAt,
    finishedAt: exit?.finishedAt,
    unknownReason: known ? undefined : (exit?.unknownReason ?? 'the runtime did not say how it ended'),
    reason: container.reason,
    message: exit?.message,
    usage,
    source: exit?.source ?? 'record',
  };
}

/** The attempt as its record tells it, for when the runtime has forgotten it. */
export function containerOf(record: FinalRecord): Container {
  const { exitCode, signal, finishedAt, message, unknownReason, reason, startedAt } = record;
  return {
    podUid: record.podUid,
    name: record.container,
    id: record.containerId,
    image: record.image,
    imageId: record.imageId,
    kind: record.kind,
    restartCount: record.restartCount,
    state: record.exitKnown ? 'exited' : 'unknown',
    ...(reason !== undefined && { reason }),
    ...(startedAt !== undefined && { startedAt }),
    exit: {
      ...(exitCode !== undefined && { exitCode }),
      ...(signal !== undefined && { signal }),
      ...(finishedAt !== undefined && { finishedAt }),
      ...(message !== undefined && { message }),
      ...(unknownReason !== undefined && { unknownReason }),
      oomKilled: record.oomKilled,
      source: record.source,
    },
  };
}
