import type { Logger } from 'pino';
import { type Container, hasEnded, type Pod } from '../../../pods/model.ts';
import type { PodStore } from '../../../pods/store.ts';
import type { Engine, InspectedContainer } from '../engine.ts';
import { isEngineAway } from '../engine-error.ts';
import { attemptNumber } from './attempt-number.ts';
import {
  type ContainerFacts,
  containerOfInspect,
  exitedByEvent,
  factsOfEvent,
  factsOfInspect,
  startOf,
  vanished,
} from './container-state.ts';
import type { EngineEvent } from './engine-events.ts';
import { OwnLabels } from './own-labels.ts';
import { type PodPlace, podPlace } from './pod-labels.ts';
import { PodMembers } from './pod-members.ts';

const removedUnseen = 'the container was removed before its exit was seen';
const removedWaiting = 'the container was removed before it was started';

/** The engine locks a container while it starts it, and answers nothing about it meanwhile. */
const inspectWithinMs = 5_000;

interface Seen {
  /** Absent: the engine does not have it any more. */
  readonly inspected?: InspectedContainer | undefined;
  /** Absent: it is in no pod. */
  readonly place?: PodPlace | undefined;
}

/**
 * Brings the store up to what the engine says of one container. What counts is the state that an inspect shows: events
 * only say when to look, so that a repeated or late one does no harm. The exception is `die`: its exit code stands where
 * the container is removed, or restarted under the same id, before the look. Calls for one id must not overlap.
 */
export class ContainerRefresh {
  readonly #engine: Engine;
  readonly #store: PodStore;
  readonly #log: Logger;
  readonly #labels: OwnLabels;
  readonly #members: PodMembers;
  /** Ids that had an `oom` event in the attempt that runs; for those that are gone at the look. */
  readonly #oom = new Set<string>();
  readonly #unsettled = new Set<string>();

  constructor(engine: Engine, store: PodStore, log: Logger, podRemovalDelayMs: number, signal: AbortSignal) {
    this.#engine = engine;
    this.#store = store;
    this.#log = log;
    this.#labels = new OwnLabels(engine);
    this.#members = new PodMembers(store, podRemovalDelayMs, signal);
  }

  /** The ids that the engine had when it was last asked. */
  present(): string[] {
    return this.#members.ids();
  }

  /**
   * What is to be looked at again without an event: containers that wait for their start, since the engine has no event
   * for a start that failed, and those that it could not show.
   */
  get unsettled(): ReadonlySet<string> {
    return this.#unsettled;
  }

  /** Without an event: after a (re)connect, or of one that is unsettled. Tells nothing before its turn. */
  async look(id: string, signal: AbortSignal, turn?: Promise<void>): Promise<void> {
    const seen = await this.#see(id, undefined, signal);
    await turn;
    if (seen !== 'failed') this.#refresh(id, seen, undefined);
  }

  async apply(event: EngineEvent, signal: AbortSignal): Promise<void> {
    if (event.action === 'oom') this.#oom.add(event.id);
    if (event.action === 'start') this.#oom.delete(event.id);
    const seen = await this.#see(event.id, event, signal);
    // A look that failed for this one container must not hide its end.
    if (seen !== 'failed') this.#refresh(event.id, seen, event);
    else if (event.action === 'die') this.#refresh(event.id, {}, event);
    if (event.action === 'destroy') this.#gone(event.id);
  }

  /**
   * What the engine shows, and the place that its labels give it. `failed`: it cannot show this one container, or not now;
   * that is no reason to stop watching the others.
   */
  async #see(id: string, event: EngineEvent | undefined, signal: AbortSignal): Promise<Seen | 'failed'> {
    try {
      const patience = AbortSignal.any([signal, AbortSignal.timeout(inspectWithinMs)]);
      const inspected = event?.action === 'destroy' ? undefined : await this.#engine.inspect(id, patience);
      this.#unsettled.delete(id);
      if (inspected !== undefined) {
        const labels = await this.#labels.of(inspected.Config.Labels, inspected.Image, signal);
        return { inspected, place: podPlace(labels) };
      }
      // Gone: only its end still matters, and only where it was not known.
      if (event?.action !== 'die' || this.#store.find(id) !== undefined) return {};
      return { place: podPlace(await this.#labels.of(event.attributes, event.attributes.image ?? '', signal)) };
    } catch (error) {
      if (signal.aborted || isEngineAway(error)) throw error;
      this.#unsettled.add(id);
      this.#log.error({ err: error, containerId: id }, 'the engine cannot show a container');
      return 'failed';
    }
  }

  #refresh(id: string, { inspected, place }: Seen, event: EngineEvent | undefined): void {
    if (inspected !== undefined && place !== undefined) {
      this.#members.add(place.pod.uid, id);
      this.#store.addPod(place.pod);
      if (isNamed(place)) this.#show(place, inspected, event);
    } else if (inspected === undefined) {
      this.#showGone(id, place, event);
      if (event === undefined) this.#gone(id);
    }
  }

  #show(place: PodPlace & { name: string }, inspected: InspectedContainer, event: EngineEvent | undefined): void {
    const { pod } = place;
    const facts = factsOfInspect(place, inspected);
    this.#showEarlierEnd(pod, facts, inspected, event);
    const state = inspected.State;
    const restartCount = attemptNumber({
      facts,
      labelled: place.restartCount,
      dockerRestarts: inspected.RestartCount ?? 0,
      startedAt: startOf(state),
      known: this.#store.attempts(pod.uid),
    });
    this.#put(pod, containerOfInspect(facts, restartCount, state));
  }

  /** The `die` of an attempt that the engine has already followed by the next one of the same id. */
  #showEarlierEnd(
    pod: Pod,
    facts: ContainerFacts,
    inspected: InspectedContainer,
    event: EngineEvent | undefined,
  ): void {
    if (event?.action !== 'die') return;
    const previous = this.#store.byId(pod.uid, facts.id);
    if (previous === undefined || hasEnded(previous) || previous.startedAt === undefined) return;
    const startedAt = new Date(inspected.State.StartedAt);
    const restarted = startedAt > event.time && startedAt > previous.startedAt;
    if (restarted && event.time >= previous.startedAt) {
      this.#put(pod, exitedByEvent(previous, event, this.#oom.has(facts.id)));
    }
  }

  #showGone(id: string, place: PodPlace | undefined, event: EngineEvent | undefined): void {
    const known = this.#store.find(id);
    const pod = known?.pod ?? place?.pod;
    const container = known?.container ?? this.#fromEvent(place, event);
    if (pod === undefined || container === undefined || container.state === 'exited') return;
    if (event?.action === 'die') this.#put(pod, exitedByEvent(container, event, this.#oom.has(id)));
    else if (container.state !== 'unknown' && (event === undefined || event.action === 'destroy')) {
      this.#put(pod, vanished(container, container.state === 'waiting' ? removedWaiting : removedUnseen));
    }
  }

  /** A container that lived and was removed before the first look: its `die` event holds its labels. */
  #fromEvent(place: PodPlace | undefined, event: EngineEvent | undefined): Container | undefined {
    if (event?.action !== 'die' || place === undefined || !isNamed(place)) return undefined;
    this.#members.add(place.pod.uid, event.id);
    this.#store.addPod(place.pod);
    const facts = factsOfEvent(place, event);
    const known = this.#store.attempts(place.pod.uid);
    const restartCount = attemptNumber({
      facts,
      labelled: place.restartCount,
      dockerRestarts: 0,
      startedAt: undefined,
      known,
    });
    return { ...facts, restartCount, state: 'running' };
  }

  #gone(id: string): void {
    this.#unsettled.delete(id);
    this.#oom.delete(id);
    this.#members.delete(id);
  }

  #put(pod: Pod, container: Container): void {
    if (container.state === 'waiting') this.#unsettled.add(container.id);
    const previous = this.#store.byId(pod.uid, container.id);
    if (previous === undefined || !sameState(previous, container)) this.#store.put(pod, container);
  }
}

function isNamed(place: PodPlace): place is PodPlace & { name: string } {
  return place.name !== undefined;
}

/** Whether there is nothing to tell: the same attempt in the same state. */
function sameState(a: Container, b: Container): boolean {
  return (
    a.restartCount === b.restartCount &&
    a.state === b.state &&
    a.reason === b.reason &&
    a.exit?.exitCode === b.exit?.exitCode &&
    a.exit?.oomKilled === b.exit?.oomKilled
  );
}
