import type { Duration } from '../wire/generated/google/protobuf/Duration.ts';
import type { Timestamp } from '../wire/generated/google/protobuf/Timestamp.ts';
import type { ArchiveFormat } from '../wire/generated/podhand/v1/ArchiveFormat.ts';
import type { CollectArtifactRequest as WireCollectArtifact } from '../wire/generated/podhand/v1/CollectArtifactRequest.ts';
import type { KillRequest as WireKill } from '../wire/generated/podhand/v1/KillRequest.ts';
import type { LogStream } from '../wire/generated/podhand/v1/LogStream.ts';
import type { ReadFileRequest as WireReadFile } from '../wire/generated/podhand/v1/ReadFileRequest.ts';
import type { SaveArtifactRequest as WireSaveArtifact } from '../wire/generated/podhand/v1/SaveArtifactRequest.ts';
import type { StreamLogsRequest as WireStreamLogs } from '../wire/generated/podhand/v1/StreamLogsRequest.ts';
import type { WatchStatsRequest as WireWatchStats } from '../wire/generated/podhand/v1/WatchStatsRequest.ts';

/** A path in a container. Bytes, since file names need not be UTF-8; a string is taken as UTF-8. */
export type ContainerPath = string | Uint8Array;

/** The fields of the requests are explained in `proto/podhand/v1/executor.proto`. Durations are milliseconds. */
export interface WaitRequest {
  readonly containers?: readonly string[];
  readonly except?: readonly string[];
  readonly untilKnown?: boolean;
}

export interface KillRequest {
  readonly containers: readonly string[];
  readonly signal?: string;
  readonly gracePeriodMs?: number;
  readonly once?: boolean;
}

export interface StreamLogsRequest {
  readonly container: string;
  readonly stream?: LogStream;
  readonly follow?: boolean;
  readonly tailLines?: number;
  readonly since?: Date;
  readonly cursor?: Uint8Array;
  readonly timestamps?: boolean;
  readonly untilKnown?: boolean;
  readonly previous?: boolean;
}

export interface ReadFileRequest {
  readonly container: string;
  readonly path: ContainerPath;
  readonly maxBytes?: number;
}

export interface CollectArtifactRequest {
  readonly container: string;
  readonly path: ContainerPath;
  readonly format?: ArchiveFormat;
  readonly compressionLevel?: number;
  readonly maxBytes?: number;
}

export interface SaveArtifactRequest extends CollectArtifactRequest {
  readonly destination: ContainerPath;
  readonly overwrite?: boolean;
  readonly checksum?: boolean;
}

export interface ResolveEntrypointRequest {
  /** One of container and image. */
  readonly container?: string;
  readonly image?: string;
  readonly command?: readonly string[];
  readonly args?: readonly string[];
}

export interface WatchStatsRequest {
  readonly containers?: readonly string[];
  readonly intervalMs?: number;
  readonly once?: boolean;
}

export function killMessage({ containers, gracePeriodMs, ...rest }: KillRequest): WireKill {
  const message = { ...rest, containers: [...containers] };
  return gracePeriodMs === undefined ? message : { ...message, gracePeriod: duration(gracePeriodMs) };
}

/** `after`: the cursor of the last chunk that was delivered; excludes `tailLines` and `since`, as the agent wants it. */
export function logsMessage(request: StreamLogsRequest, after?: Uint8Array): WireStreamLogs {
  const { since, tailLines, cursor, ...rest } = request;
  const from = after ?? cursor;
  if (from !== undefined) return { ...rest, cursor: from };
  return {
    ...rest,
    ...(tailLines === undefined ? {} : { tailLines }),
    ...(since === undefined ? {} : { since: timestamp(since) }),
  };
}

export function readFileMessage({ path, ...rest }: ReadFileRequest): WireReadFile {
  return { ...rest, path: bytes(path) };
}

export function collectMessage({ path, ...rest }: CollectArtifactRequest): WireCollectArtifact {
  return { ...rest, path: bytes(path) };
}

export function saveMessage({ path, destination, ...rest }: SaveArtifactRequest): WireSaveArtifact {
  return { ...rest, path: bytes(path), destination: bytes(destination) };
}

export function statsMessage({ containers = [], intervalMs, once = false }: WatchStatsRequest): WireWatchStats {
  const message = { containers: [...containers], once };
  return intervalMs === undefined ? message : { ...message, interval: duration(intervalMs) };
}

// Without this protobufjs would take a string for base64.
function bytes(path: ContainerPath): Uint8Array {
  return typeof path === 'string' ? Buffer.from(path) : path;
}

function duration(ms: number): Duration {
  const seconds = Math.floor(ms / 1000);
  return { seconds, nanos: Math.round((ms - seconds * 1000) * 1e6) };
}

function timestamp(date: Date): Timestamp {
  return duration(date.getTime());
}
