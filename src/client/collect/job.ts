import { createHash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { formatDuration } from '../../wire/quantity.ts';
import { fromLocal } from '../local-failure.ts';
import { plain } from '../output/plain.ts';
import { takeArtifact } from './artifacts.ts';
import type { CollectContext, Report } from './context.ts';
import { type FollowedLog, followLog } from './log-files.ts';
import { type CollectError, type CollectedLog, factsOf, type Outputs, readOutputs, writeOutputs } from './outputs.ts';
import type { CollectSpec } from './spec.ts';
import { takeParameter, takeResult } from './values.ts';
import { type Waited, waitForContainers } from './waiting.ts';

/**
 * The whole job of a wait sidecar: waits for the containers while it follows their logs, takes result, parameters and
 * artifacts, stops the sidecars and writes outputs.json. What fails is in `errors`, and does not keep the rest from
 * being taken; rejects only if the agent cannot be reached, the call is aborted or outputs.json cannot be written.
 * A run after a finished one of the same containers and spec takes nothing again.
 */
export async function collectOutputs(context: CollectContext, spec: CollectSpec): Promise<Outputs> {
  const path = resolve(context.directory, spec.output);
  const digest = createHash('sha256').update(JSON.stringify(spec)).digest('hex');
  mkdirSync(dirname(path), { recursive: true });
  const earlier = await finishedEarlier(context, path, digest);
  if (earlier !== undefined) {
    context.note(`${path}: already complete for these containers`);
    return earlier;
  }
  const startedAt = new Date().toISOString();
  const { pod, executor, capabilities } = await context.client.getInfo(context.call);
  const splits = capabilities.find(({ name }) => name === 'logs.split')?.supported ?? true;
  const errors: CollectError[] = [];
  const report: Report = (error) => {
    context.note(`${error.subject}: ${error.message} (${error.reason})`);
    errors.push(error);
  };

  const logs = spec.logs.map((log) => followLog(context, log));
  const waited = await waitForContainers(context, spec).catch((error: unknown) => {
    for (const log of logs) log.cut();
    throw error;
  });
  if (waited.stoppedBy === 'deadline') report(overdue(spec, waited));
  const own = await endedLogs(logs, waited);
  const result = spec.result && (await takeResult(context, spec.result, splits, waited, report));
  const parameters = await inOrder(spec.parameters, (one) => takeParameter(context, one, waited, report));
  const artifacts = await inOrder(spec.artifacts, (one) => takeArtifact(context, one, waited, report));
  const outputs = {
    version: 1,
    spec: digest,
    startedAt,
    pod: pod === null ? null : plain(pod),
    executor,
    containers: waited.records.map(plain),
    unfinished: waited.unfinished,
    ...(result === undefined ? {} : { result }),
    parameters,
    artifacts,
  } as const;

  // Written once more below: what was taken must not be lost if stopping a sidecar outlives this process.
  if (spec.sidecars.length > 0) {
    writeOutputs(path, { ...outputs, ...closing(waited, errors), complete: false, logs: own, sidecars: [] });
  }
  const sidecars = await stopSidecars(context, spec, waited, report);
  const allLogs = await remainingLogs(logs, spec, waited);
  for (const log of allLogs) reportLog(log, waited, report);
  const whole: Outputs = { ...outputs, ...closing(waited, errors), complete: true, logs: allLogs, sidecars };
  writeOutputs(path, whole);
  context.note(`${path}: ${whole.phase}`);
  return whole;
}

function closing(waited: Waited, errors: readonly CollectError[]): Pick<Outputs, 'phase' | 'errors' | 'finishedAt'> {
  return { phase: phaseOf(waited, errors), errors: [...errors], finishedAt: new Date().toISOString() };
}

function phaseOf(waited: Waited, errors: readonly CollectError[]): Outputs['phase'] {
  if (errors.some(({ excused }) => !excused)) return 'Error';
  if (waited.stoppedBy !== undefined) return 'Interrupted';
  return waited.allSucceeded ? 'Succeeded' : 'Failed';
}

async function finishedEarlier(
  { client, call }: CollectContext,
  path: string,
  digest: string,
): Promise<Outputs | undefined> {
  const earlier = readOutputs(path);
  if (earlier?.complete !== true || earlier.spec !== digest || earlier.unfinished.length > 0) return undefined;
  const { containers } = await client.listContainers(call);
  const same = earlier.containers.every((record) =>
    containers.some(
      ({ name, containerId, restartCount }) =>
        name === record.container && containerId === record.containerId && restartCount === record.restartCount,
    ),
  );
  return same ? earlier : undefined;
}

function overdue(spec: CollectSpec, { unfinished }: Waited): CollectError {
  const after = formatDuration(spec.deadline ?? 0);
  const message = `not ended after ${after}: ${unfinished.join(', ')}`;
  return { subject: 'wait', reason: 'DEADLINE_EXCEEDED', message, excused: false };
}

/** The logs of containers that ended: they end by themselves, once drained. Others are cut where they are. */
async function endedLogs(logs: readonly FollowedLog[], waited: Waited): Promise<CollectedLog[]> {
  for (const log of logs) if (waited.unfinished.includes(log.container)) log.cut();
  const known = new Set([...waited.records.map(({ container }) => container), ...waited.unfinished]);
  return Promise.all(logs.filter(({ container }) => known.has(container)).map(({ done }) => done));
}

/** Those of stopped sidecars end now; those of containers that nobody waits for are cut. */
async function remainingLogs(logs: readonly FollowedLog[], spec: CollectSpec, waited: Waited): Promise<CollectedLog[]> {
  const ended = new Set(waited.records.map(({ container }) => container));
  if (waited.stoppedBy === undefined) for (const name of spec.sidecars) ended.add(name);
  for (const log of logs) if (!ended.has(log.container)) log.cut();
  return Promise.all(logs.map(({ done }) => done));
}

function reportLog(log: CollectedLog, { unfinished }: Waited, report: Report): void {
  if (log.complete || log.reason === undefined || log.message === undefined) return;
  const excused = log.reason === 'CANCELLED' || unfinished.includes(log.container);
  report({ subject: `log ${log.container}`, reason: log.reason, message: log.message, excused });
}

/** Last of all, since a proxy among them may be what the others need. Left alone while a container still runs. */
async function stopSidecars(context: CollectContext, spec: CollectSpec, waited: Waited, report: Report) {
  const { client, call, note } = context;
  if (spec.sidecars.length === 0 || waited.unfinished.length > 0) return [];
  try {
    const request = { containers: spec.sidecars, gracePeriodMs: spec.gracePeriod };
    const { outcomes } = await client.kill(request, call);
    for (const { container, signals } of outcomes) note(`sidecar ${container}: ${signals.join(', ') || 'had ended'}`);
    return outcomes.map(plain);
  } catch (thrown) {
    report({ subject: `sidecars ${spec.sidecars.join(', ')}`, excused: false, ...factsOf(fromLocal(thrown)) });
    return [];
  }
}

/** One after the other, so that one pod does not take all of the agent's places. */
async function inOrder<Item, Taken>(items: readonly Item[], take: (item: Item) => Promise<Taken>): Promise<Taken[]> {
  const taken: Taken[] = [];
  for (const item of items) taken.push(await take(item));
  return taken;
}
