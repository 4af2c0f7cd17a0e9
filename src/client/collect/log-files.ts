import { mkdirSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { fromLocal } from '../local-failure.ts';
import type { StreamLogsRequest } from '../requests.ts';
import type { CollectContext } from './context.ts';
import { type CollectedLog, factsOf } from './outputs.ts';
import type { LogSpec } from './spec.ts';

/** A log that is being followed into a file. */
export interface FollowedLog {
  readonly container: string;
  /** Stops following: the file gets what was written until now, and stays incomplete. */
  cut(): void;
  /** Resolves when following has ended, however it ended. */
  readonly done: Promise<CollectedLog>;
}

/**
 * Follows a container's output, both streams in order, into a file that can be read meanwhile. Begins anew: what an
 * earlier run left in the file is replaced. Never rejects.
 */
export function followLog(context: CollectContext, spec: LogSpec): FollowedLog {
  const { container } = spec;
  const cut = new AbortController();
  const destination = resolve(context.directory, spec.destination ?? `logs/${container}.log`);
  return { container, cut: () => cut.abort(), done: follow(context, container, destination, cut.signal) };
}

async function follow(
  context: CollectContext,
  container: string,
  destination: string,
  cut: AbortSignal,
): Promise<CollectedLog> {
  const { call, note } = context;
  const progress: Progress = { bytes: 0, cursor: undefined };
  try {
    mkdirSync(dirname(destination), { recursive: true });
    await using file = await open(destination, 'w');
    const signal = call.signal === undefined ? cut : AbortSignal.any([call.signal, cut]);
    try {
      await append(context, file, progress, { container, follow: true, untilKnown: true }, signal);
    } catch (error) {
      // Cut off from following: what was written until now is still taken.
      if (cut.aborted) await append(context, file, progress, { container }, call.signal);
      throw error;
    }
    note(`log of ${container}: ${destination}, ${progress.bytes} bytes`);
    return { container, destination, bytes: progress.bytes, complete: true };
  } catch (thrown) {
    const error = fromLocal(thrown);
    note(`log of ${container}: incomplete after ${progress.bytes} bytes, since ${error.message}`);
    return { container, destination, bytes: progress.bytes, complete: false, ...factsOf(error) };
  }
}

interface Progress {
  bytes: number;
  cursor: Uint8Array | undefined;
}

async function append(
  { client, call }: CollectContext,
  file: FileHandle,
  progress: Progress,
  from: StreamLogsRequest,
  signal: AbortSignal | undefined,
): Promise<void> {
  const request = progress.cursor === undefined ? from : { ...from, cursor: progress.cursor };
  for await (const { chunk } of client.streamLogs(request, signal === undefined ? call : { ...call, signal })) {
    if (!chunk) continue;
    await writeWhole(file, chunk.data);
    progress.bytes += chunk.data.length;
    progress.cursor = chunk.cursor;
  }
}

async function writeWhole(file: FileHandle, data: Buffer): Promise<void> {
  let written = 0;
  while (written < data.length) written += (await file.write(data, written)).bytesWritten;
}
