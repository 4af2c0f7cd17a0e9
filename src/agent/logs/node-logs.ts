import { setTimeout as sleep } from 'node:timers/promises';
import { PodhandError } from '../../wire/errors.ts';
import type { LogChunk, LogOptions, LogsRole } from '../executors/roles.ts';
import { PodChanges } from '../pods/changes.ts';
import { type Container, hasEnded } from '../pods/model.ts';
import type { PodStore } from '../pods/store.ts';
import { containerTag, decodeCursor } from './cursor.ts';
import { LogGenerations } from './generations.ts';
import { type LogDirectory, type LogRoots, openLogDirectory } from './log-directory.ts';
import { type DrainRule, LogEnding } from './log-ending.ts';
import { LogReading } from './log-reading.ts';
import { findStart } from './log-start.ts';
import { LogWatch } from './log-watch.ts';
import type { StreamIndex } from './record.ts';

export interface NodeLogsParts {
  readonly store: PodStore;
  readonly roots: LogRoots;
  readonly drain?: DrainRule;
}

const defaultDrain: DrainRule = { settle: 250, longest: 5_000 };
/** The runtime creates a log before its container runs; a node under load may be seen in between. */
const appearTries = 40;
const appearMs = 50;

/**
 * Logs from the files that the runtime keeps on the node, in the CRI format or docker's json-file. Older generations
 * that rotation moved aside are read too, compressed ones included; a reader that follows holds the files open, so that
 * rotation neither loses nor repeats a byte. A log truncated in place cannot be followed faithfully: LOG_LOST. A read
 * from the beginning begins with the oldest file that the runtime still keeps.
 *
 * Without `follow`, the log of a running container is read up to where it was when it was opened. The log of a
 * container that has ended is complete when it has not grown for `drain.settle` after the end and its last record is
 * whole; what a left-over process prints more than `drain.longest` after the end is not awaited.
 */
export function createNodeLogs(parts: NodeLogsParts): LogsRole {
  return { read: (container, options, signal) => readLog(parts, container, options, signal) };
}

async function* readLog(
  parts: NodeLogsParts,
  container: Container,
  options: LogOptions,
  outer: AbortSignal,
): AsyncGenerator<LogChunk> {
  const tag = containerTag(container);
  if (options.cursor !== undefined) decodeCursor(tag, options.cursor);
  // Ends the subscriptions of this call when the call ends, however it does.
  const over = new AbortController();
  const signal = AbortSignal.any([outer, over.signal]);
  let watch: LogWatch | undefined;
  let generations: LogGenerations | undefined;
  try {
    const directory = await openWhenThere(parts, container, options.follow, signal);
    watch = new LogWatch(directory);
    const wake = watch.notify.bind(watch);
    const ending = new LogEnding(parts.store, container, parts.drain ?? defaultDrain, wake, signal);
    const isSnapshot = !options.follow && !ending.hasEnded;
    generations = await LogGenerations.open(directory);
    const stream = streamIndex(options);
    const start = await findStart(generations.files, options, stream, tag, signal);
    const newest = generations.files.at(-1);
    const limit = isSnapshot && newest !== undefined ? { file: newest, size: (await newest.facts()).size } : undefined;
    for (let passed = 0; passed < start.index; passed++) await generations.advance();
    const chain = generations;
    watch.onRotated = () => {
      // So that a slow reader does not lose what is rotated away meanwhile; a failure is met again when it gets there.
      chain.refresh().catch(() => undefined);
    };
    const selection = {
      timestamps: options.timestamps,
      ...(stream === undefined ? {} : { stream }),
      ...(options.since === undefined ? {} : { since: options.since.getTime() }),
    };
    const reading = { generations, watch, ending, tag, selection, options, start };
    yield* new LogReading(limit === undefined ? reading : { ...reading, limit }, signal).chunks();
  } finally {
    over.abort();
    watch?.close();
    await generations?.close();
  }
}

function streamIndex(options: LogOptions): StreamIndex | undefined {
  if (options.stream === undefined) return undefined;
  return options.stream === 'stdout' ? 0 : 1;
}

/** Errors: CONTAINER_NOT_STARTED without follow, LOGS_UNAVAILABLE. */
async function openWhenThere(
  parts: NodeLogsParts,
  asked: Container,
  follow: boolean,
  signal: AbortSignal,
): Promise<LogDirectory> {
  const { store, roots } = parts;
  const changes = new PodChanges(store, asked.podUid, signal);
  for (let tries = 0; tries < appearTries; ) {
    const container = store.byId(asked.podUid, asked.id) ?? asked;
    const isWaiting = container.state === 'waiting';
    if (!isWaiting || container.logPath !== undefined) {
      const directory = await openLogDirectory(container, roots);
      if (directory !== undefined) return directory;
    }
    if (isWaiting && !follow) {
      throw new PodhandError(
        'CONTAINER_NOT_STARTED',
        `container ${container.name} has not started; follow waits for it`,
      );
    }
    if (hasEnded(container) || changes.podRemoved) break;
    if (isWaiting) await changes.next();
    else {
      tries++;
      await sleep(appearMs, undefined, { signal });
    }
  }
  throw new PodhandError('LOGS_UNAVAILABLE', `the log of container ${asked.name} is not on the node any more`);
}
