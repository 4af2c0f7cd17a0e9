import type { Container, ContainerExit } from '../../../pods/model.ts';
import type { InspectedContainer } from '../engine.ts';
import { type EngineEvent, exitCodeOf } from './engine-events.ts';
import type { PodPlace } from './pod-labels.ts';

const maxMessageLength = 4096;

type State = InspectedContainer['State'];
/** What does not change over the attempts of one runtime id. */
export type ContainerFacts = Pick<
  Container,
  'podUid' | 'name' | 'id' | 'image' | 'imageId' | 'kind' | 'createdAt' | 'logPath'
>;

export function factsOfInspect(place: PodPlace & { name: string }, inspected: InspectedContainer): ContainerFacts {
  const createdAt = date(inspected.Created);
  return {
    podUid: place.pod.uid,
    name: place.name,
    id: inspected.Id,
    image: inspected.Config.Image,
    imageId: inspected.Image,
    kind: place.kind,
    ...(createdAt !== undefined && { createdAt }),
    ...(inspected.LogPath !== '' && { logPath: inspected.LogPath }),
  };
}

/** All that is known of a container that the engine removed before it could be asked. */
export function factsOfEvent(place: PodPlace & { name: string }, event: EngineEvent): ContainerFacts {
  return {
    podUid: place.pod.uid,
    name: place.name,
    id: event.id,
    image: event.attributes.image ?? '',
    imageId: '',
    kind: place.kind,
  };
}

/** The attempt as the engine shows it now. */
export function containerOfInspect(facts: ContainerFacts, restartCount: number, state: State): Container {
  const startedAt = startOf(state);
  const base = { ...facts, restartCount, ...(startedAt !== undefined && { startedAt }) };
  if (state.Restarting || !state.Running) {
    if (neverStarted(state)) {
      const failed = state.ExitCode !== 0 || state.Error !== '';
      return failed
        ? { ...base, state: 'exited', reason: 'ContainerCannotRun', exit: exitOf(state) }
        : { ...base, state: 'waiting', reason: 'Created' };
    }
    return { ...base, state: 'exited', reason: exitReason(state), exit: exitOf(state) };
  }
  return { ...base, state: 'running', ...(state.Paused && { reason: 'Paused' }) };
}

/**
 * When the attempt started. The engine notes the start when it hears of it, which for a container that lives for a
 * millisecond can be after its end; then the end is the closest that is known.
 */
export function startOf(state: State): Date | undefined {
  const startedAt = date(state.StartedAt);
  const finishedAt = date(state.FinishedAt);
  const ended = !state.Running || state.Restarting;
  return ended && startedAt !== undefined && finishedAt !== undefined && startedAt > finishedAt
    ? finishedAt
    : startedAt;
}

/** The attempt's end as its `die` event tells it, where the engine cannot be asked any more. */
export function exitedByEvent(container: Container, event: EngineEvent, oomKilled: boolean): Container {
  const exitCode = exitCodeOf(event);
  if (exitCode === undefined) return vanished(container, 'the engine reported its end without an exit code');
  return {
    ...container,
    state: 'exited',
    reason: exitReason({ ExitCode: exitCode, OOMKilled: oomKilled }),
    exit: { exitCode, oomKilled, finishedAt: event.time, source: 'docker-event' },
  };
}

/** It is gone, and how it ended cannot be known. */
export function vanished(container: Container, unknownReason: string): Container {
  return {
    ...container,
    state: 'unknown',
    reason: 'Unknown',
    exit: { oomKilled: false, unknownReason, source: 'docker-event' },
  };
}

/** Docker's Created: it was made, and never ran. Its exit code is then that of the failed start. */
function neverStarted(state: State): boolean {
  return state.Status === 'created' || date(state.StartedAt) === undefined;
}

function exitReason(state: Pick<State, 'ExitCode' | 'OOMKilled'>): string {
  if (state.ExitCode === 0) return 'Completed';
  return state.OOMKilled ? 'OOMKilled' : 'Error';
}

function exitOf(state: State): ContainerExit {
  const finishedAt = date(state.FinishedAt);
  return {
    exitCode: state.ExitCode,
    oomKilled: state.OOMKilled,
    ...(finishedAt !== undefined && { finishedAt }),
    ...(state.Error !== '' && { message: state.Error.slice(0, maxMessageLength) }),
    source: 'docker-inspect',
  };
}

/** Docker writes year 1 for "never". */
function date(text: string | undefined): Date | undefined {
  if (text === undefined || text.startsWith('0001-')) return undefined;
  const parsed = new Date(text);
  return Number.isNaN(parsed.getTime()) ? undefined : parsed;
}
