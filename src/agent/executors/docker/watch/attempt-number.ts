import type { Container } from '../../../pods/model.ts';
import type { ContainerFacts } from './container-state.ts';

/**
 * The restart count of an attempt. The kubelet's label says it where there is one; else it is the place among the
 * containers of that name in the order of their creation (those on record included). A restart of the same runtime id,
 * by a restart policy of docker or by hand, is a further attempt: the store is keyed by the id, so that listeners hear
 * the exit of the old attempt, then the running of the new one in its place.
 */
export function attemptNumber(attempt: {
  readonly facts: ContainerFacts;
  /** From the kubelet's label. */
  readonly labelled: number | undefined;
  /** Restarts of this id by docker's own policy. */
  readonly dockerRestarts: number;
  readonly startedAt: Date | undefined;
  /** Every attempt of the pod that is known. */
  readonly known: readonly Container[];
}): number {
  const { facts, labelled, dockerRestarts, startedAt, known } = attempt;
  const previous = known.find((container) => container.id === facts.id);
  const base = labelled ?? placeInOrder(facts, known);
  if (previous === undefined) return base + dockerRestarts;
  if (startedAt === undefined || previous.startedAt === undefined || !isLater(startedAt, previous.startedAt)) {
    return previous.restartCount;
  }
  return Math.max(previous.restartCount + 1, base + dockerRestarts);
}

function placeInOrder(facts: ContainerFacts, known: readonly Container[]): number {
  const created = facts.createdAt?.getTime() ?? Number.POSITIVE_INFINITY;
  const earlier = known
    .filter((other) => other.name === facts.name && other.id !== facts.id)
    .filter((other) => (other.createdAt?.getTime() ?? 0) < created);
  return earlier.reduce((highest, other) => Math.max(highest, other.restartCount + 1), 0);
}

function isLater(a: Date, b: Date): boolean {
  return a.getTime() > b.getTime();
}
