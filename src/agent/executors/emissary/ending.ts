import { z } from 'zod';
import type { Container, ContainerExit } from '../../pods/model.ts';
import type { SharedVolume } from './shared-volume.ts';

const maxRecordBytes = 64 * 1024;
const maxMessageLength = 4096;
/** A start is told to 10 ms, or in whole seconds that were cut off. Milliseconds. */
const startSlackMs = 100;

const recordSchema = z.object({
  exitCode: z.number().int().min(0).max(255),
  source: z.enum(['command', 'emissary']),
  command: z.object({ signal: z.number().int().min(1).max(64).optional() }).optional(),
  reason: z
    .string()
    .regex(/^[A-Z_]{1,64}$/)
    .optional(),
  message: z.string().optional(),
  startedAt: z.iso.datetime(),
  finishedAt: z.iso.datetime(),
});

/** What a container's emissary has written of its end. All of it is the pod's own word. */
export interface EmissaryEnd {
  readonly exitCode: number;
  /** The signal that ended the command, where one did. */
  readonly signal?: number;
  /** The emissary's own, where it decided the exit code. */
  readonly reason?: string;
  readonly message?: string;
  /** When the run began that this is the end of; where only the exit code is there, when that was written. */
  readonly begunAt: Date;
  readonly finishedAt: Date;
}

/** The end that `ctr/NAME` tells of; undefined while `exitcode` is not there, or holds none. */
export function readEnding(volume: SharedVolume, container: string): EmissaryEnd | undefined {
  const file = volume.text(`ctr/${container}/exitcode`, 16);
  const text = file?.text.trim() ?? '';
  const exitCode = /^\d{1,3}$/.test(text) ? Number(text) : Number.NaN;
  if (file === undefined || !(exitCode <= 255)) return undefined;
  const { mtimeSeconds, mtimeNanos } = file.status;
  const writtenAt = new Date(mtimeSeconds * 1000 + Math.floor(mtimeNanos / 1_000_000));
  const record = readRecord(volume, container);
  // Without one it is another program's exit code, such as a workflow controller's own emissary writes.
  if (record?.exitCode !== exitCode) return { exitCode, begunAt: writtenAt, finishedAt: writtenAt };
  const { source, command, reason, message, startedAt, finishedAt } = record;
  const signal = command?.signal;
  return {
    exitCode,
    begunAt: new Date(startedAt),
    finishedAt: new Date(finishedAt),
    ...(source === 'command' && signal !== undefined && exitCode === 128 + signal && { signal }),
    ...(reason !== undefined && { reason }),
    ...(message !== undefined && { message: message.slice(0, maxMessageLength) }),
  };
}

function readRecord(volume: SharedVolume, container: string): z.infer<typeof recordSchema> | undefined {
  const text = volume.text(`ctr/${container}/record`, maxRecordBytes)?.text;
  if (text === undefined) return undefined;
  try {
    return recordSchema.safeParse(JSON.parse(text)).data;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Whether it is the end of this attempt, and not what an earlier one has left. */
export function isOfAttempt({ begunAt }: EmissaryEnd, { startedAt }: Container): boolean {
  if (startedAt === undefined) return true;
  return begunAt.getTime() >= Math.floor((startedAt.getTime() - startSlackMs) / 1000) * 1000;
}

/** The exit as the store has it. `now` bounds a time that the pod has made up. */
export function exitOf({ exitCode, signal, message, finishedAt }: EmissaryEnd, now: Date): ContainerExit {
  return {
    exitCode,
    oomKilled: false,
    finishedAt: finishedAt > now ? now : finishedAt,
    source: 'emissary',
    ...(signal !== undefined && { signal }),
    ...(message !== undefined && { message }),
  };
}
