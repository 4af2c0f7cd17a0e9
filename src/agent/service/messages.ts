import type { Duration, Duration__Output } from '../../wire/generated/google/protobuf/Duration.ts';
import type { Timestamp, Timestamp__Output } from '../../wire/generated/google/protobuf/Timestamp.ts';
import type { Container as ContainerMessage } from '../../wire/generated/podhand/v1/Container.ts';
import type { FileInfo as FileInfoMessage } from '../../wire/generated/podhand/v1/FileInfo.ts';
import type { FinalRecord as FinalRecordMessage } from '../../wire/generated/podhand/v1/FinalRecord.ts';
import type { Usage as UsageMessage } from '../../wire/generated/podhand/v1/Usage.ts';
import type { FileFacts, TreeSummary } from '../files/source.ts';
import type { Container, Usage } from '../pods/model.ts';
import type { AnsweredRecord } from '../records/recorder.ts';

const kinds = {
  regular: 'CONTAINER_KIND_REGULAR',
  init: 'CONTAINER_KIND_INIT',
  sidecar: 'CONTAINER_KIND_SIDECAR',
  ephemeral: 'CONTAINER_KIND_EPHEMERAL',
} as const;

const states = {
  waiting: 'CONTAINER_STATE_WAITING',
  running: 'CONTAINER_STATE_RUNNING',
  exited: 'CONTAINER_STATE_EXITED',
  unknown: 'CONTAINER_STATE_UNKNOWN',
} as const;

export function timestamp(date: Date | undefined): Timestamp | null {
  if (date === undefined) return null;
  const ms = date.getTime();
  const seconds = Math.floor(ms / 1000);
  return { seconds, nanos: Math.round((ms - seconds * 1000) * 1e6) };
}

export function dateOf(message: Timestamp__Output | null | undefined): Date | undefined {
  return message ? new Date(Number(message.seconds) * 1000 + message.nanos / 1e6) : undefined;
}

export function duration(ms: number): Duration {
  const seconds = Math.floor(ms / 1000);
  return { seconds, nanos: Math.round((ms - seconds * 1000) * 1e6) };
}

/** Milliseconds, or undefined where the message is absent. */
export function millisecondsOf(message: Duration__Output | null | undefined): number | undefined {
  return message ? Number(message.seconds) * 1000 + message.nanos / 1e6 : undefined;
}

export function containerMessage(container: Container, record: AnsweredRecord | undefined): ContainerMessage {
  return {
    name: container.name,
    containerId: container.id,
    image: container.image,
    imageId: container.imageId,
    kind: kinds[container.kind],
    state: states[container.state],
    reason: container.reason ?? '',
    restartCount: container.restartCount,
    createdAt: timestamp(container.createdAt),
    startedAt: timestamp(container.startedAt),
    finalRecord: record === undefined ? null : recordMessage(record),
  };
}

export function recordMessage(record: AnsweredRecord): FinalRecordMessage {
  return {
    container: record.container,
    containerId: record.containerId,
    restartCount: record.restartCount,
    exitKnown: record.exitKnown,
    exitCode: record.exitCode ?? 0,
    signal: record.signal ?? 0,
    oomKilled: record.oomKilled,
    startedAt: timestamp(record.startedAt),
    finishedAt: timestamp(record.finishedAt),
    unknownReason: record.unknownReason ?? '',
    message: record.message ?? '',
    usage: record.usage === undefined ? null : usageMessage(record.usage),
    source: record.source,
    notKept: record.notKept ?? '',
  };
}

export function fileInfo(facts: FileFacts): FileInfoMessage {
  return {
    type: facts.type === 'file' ? 'FILE_TYPE_REGULAR' : 'FILE_TYPE_DIRECTORY',
    size: facts.size,
    mode: facts.mode,
    uid: facts.uid,
    gid: facts.gid,
    modifiedAt: timestamp(facts.modifiedAt),
  };
}

export function trailer(size: number, summary: TreeSummary, sha256: Buffer) {
  return { size, contentBytes: summary.contentBytes, entries: summary.entries, sha256, skipped: summary.skipped };
}

/** Only the figures that are known: protobuf sends an absent `optional` field as absent, an undefined one too. */
export function usageMessage(usage: Partial<Record<keyof Usage, number | undefined>>): UsageMessage {
  return Object.fromEntries(Object.entries(usage).filter(([, figure]) => figure !== undefined));
}
