import { mkdirSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { fromLocal } from '../local-failure.ts';
import type { CollectContext } from './context.ts';
import { type CollectedLog, factsOf } from './outputs.ts';
import type { LogSpec } from './spec.ts';

/** A log that is being followed into a file. */
export interface FollowedLog {
  readonly container: string;
  /** Stops following where it is; the file stays, incomplete. */
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
  { client, call, note }: CollectContext,
  container: string,
  destination: string,
  cut: AbortSignal,
): Promise<CollectedLog> {
  let bytes = 0;
  try {
    mkdirSync(dirname(destination), { recursive: true });
    await using file = await open(destination, 'w');
    const signal = call.signal === undefined ? cut : AbortSignal.any([call.signal, cut]);
    const request = { container, follow: true, untilKnown: true };
    for await (const { chunk } of client.streamLogs(request, { ...call, signal })) {
      if (!chunk) continue;
      await writeWhole(file, chunk.data);
      bytes += chunk.data.length;
    }
    note(`log of ${container}: ${destination}, ${bytes} bytes`);
    return { container, destination, bytes, complete: true };
  } catch (thrown) {
    const error = fromLocal(thrown);
    note(`log of ${container}: incomplete after ${bytes} bytes, since ${error.message}`);
    return { container, destination, bytes, complete: false, ...factsOf(error) };
  }
}

async function writeWhole(file: FileHandle, data: Buffer): Promise<void> {
  let written = 0;
  while (written < data.length) written += (await file.write(data, written)).bytesWritten;
}
