import { type Container, type ContainerExit, hasEnded } from '../../pods/model.ts';
import type { HeldContainer } from '../../processes/held-container.ts';
import type { MissedContainer } from '../../processes/take-container.ts';
import { exitOfHeld, exitReason } from './exit-status.ts';

/** What each side knows of one container id. */
export interface Sightings {
  /** As the pod source names it. */
  readonly named: Container;
  /** The source also tells how containers end (docker's engine does, log files do not). */
  readonly sourceTellsEnd: boolean;
  /** One id may stand for several attempts. */
  readonly sourceReusesIds: boolean;
  readonly held: HeldContainer | undefined;
  /** The restart count of the attempt whose end the held process has been shown as. */
  readonly heldEndedAs: number | undefined;
  readonly missed: MissedContainer | undefined;
  /** As it is in the store. */
  readonly shown: Container | undefined;
  /** Nobody is waited for any longer: what is not known now counts as unknown. */
  readonly isOverdue: boolean;
  /** The agent found its name when it started: it had begun before. */
  readonly isOlderThanAgent: boolean;
}

/**
 * What the store is to show of the container; `wait`: it is not known well enough yet. The kernel knows first that a
 * process ended; a source that tells ends may know better how. What has ended never runs again under the same restart
 * count, and an exit code never changes.
 */
export function merge(sightings: Sightings): Container | 'wait' {
  const { shown, named } = sightings;
  if (shown !== undefined && hasEnded(shown) && shown.restartCount >= named.restartCount && !isRunAgain(sightings)) {
    return completed(shown, sightings);
  }
  const held = heldOfAttempt(sightings);
  if (held === 'other') return 'wait';
  if (held === undefined) return notHeld(sightings);
  return held.exit === undefined ? running(held, sightings) : ended(held, sightings);
}

/**
 * The held process, if it is of the attempt that the source speaks of. Docker restarts a container under its own id: the
 * one side may know of the next attempt while the other still speaks of the last.
 */
function heldOfAttempt({ named, held, heldEndedAs, sourceReusesIds }: Sightings): HeldContainer | 'other' | undefined {
  if (held === undefined || !sourceReusesIds) return held;
  // The attempt that is spoken of was never held. Times do not tell that of one that has ended: docker may note its start
  // after its end.
  if (heldEndedAs !== undefined && heldEndedAs < named.restartCount) return undefined;
  const heldEnd = held.exit?.exitedAt;
  if (
    named.state === 'running' &&
    named.startedAt !== undefined &&
    heldEnd !== undefined &&
    heldEnd < named.startedAt
  ) {
    return undefined;
  }
  const namedEnd = named.exit?.finishedAt;
  return namedEnd !== undefined && held.startedAt > namedEnd ? 'other' : held;
}

/** An end that could not be told was none: its process is there after all. */
function isRunAgain({ shown, held, sourceTellsEnd }: Sightings): boolean {
  return (
    shown?.state === 'unknown' &&
    !sourceTellsEnd &&
    held !== undefined &&
    held.exit?.waitStatus === undefined &&
    !held.ended
  );
}

function running(held: HeldContainer, { named, sourceTellsEnd, isOverdue }: Sightings): Container | 'wait' {
  if (!sourceTellsEnd) return { ...withoutExit(named), state: 'running', startedAt: held.startedAt };
  // The source has lost it, and it is still there: deleted by force.
  if (named.state === 'unknown') return { ...withoutExit(named), state: 'running', startedAt: held.startedAt };
  // The source was quicker: the process has ended, and the kernel's word on how is a moment away.
  if (hasEnded(named) && !isOverdue) return 'wait';
  // What is held may be the runtime's own process still: that the user's program runs the runtime has to say.
  return named;
}

function ended(held: HeldContainer, sightings: Sightings): Container | 'wait' {
  const { named, sourceTellsEnd, isOverdue } = sightings;
  const told = sourceTellsEnd && hasEnded(named) ? named.exit : undefined;
  const isStarted = named.startedAt !== undefined || !sourceTellsEnd;
  if (!isStarted && (told !== undefined || !isOverdue)) return told === undefined ? 'wait' : named;
  const exit = exitOfHeld(held);
  const container = { ...named, startedAt: named.startedAt ?? held.startedAt };
  if (exit !== undefined) {
    // SIGKILL may be the kernel's, for memory; where the cgroup was gone before it could be asked the source knows.
    const isDoubtful = exit.signal === 9 && held.lastUsage?.oomKills === undefined;
    if (isDoubtful && sourceTellsEnd && told === undefined && !isOverdue) return 'wait';
    return withExit(container, supplemented(exit, told));
  }
  if (told !== undefined && told.exitCode !== undefined) return withExit(container, told);
  if (sourceTellsEnd && !isOverdue) return 'wait';
  return withExit(container, unknownExit(held, sourceTellsEnd));
}

function unknownExit(held: HeldContainer, sourceTellsEnd: boolean): ContainerExit {
  return {
    oomKilled: (held.lastUsage?.oomKills ?? 0) > 0,
    finishedAt: held.exit?.exitedAt ?? new Date(),
    unknownReason: sourceTellsEnd
      ? 'it was seen to end, and neither the kernel nor the runtime told its exit code'
      : 'it was seen to end, and the kernel did not tell its exit code (Linux 6.15 and later do)',
    source: 'pidfd',
  };
}

function notHeld({ named, sourceTellsEnd, missed, isOverdue, isOlderThanAgent }: Sightings): Container | 'wait' {
  if (sourceTellsEnd) return named;
  if (missed === undefined && !isOverdue && !isOlderThanAgent && named.state === 'waiting') return 'wait';
  const unknownReason = isOlderThanAgent
    ? 'it ended before the agent started'
    : 'it lived for less time than it took to be seen';
  return withExit(named, { oomKilled: false, unknownReason, source: 'node-log' });
}

/** An end that is shown, with what has come to be known since. */
function completed(shown: Container, { named, held, sourceTellsEnd }: Sightings): Container {
  const told = sourceTellsEnd && hasEnded(named) && named.restartCount === shown.restartCount ? named.exit : undefined;
  const container: Container = {
    ...shown,
    image: shown.image || named.image,
    imageId: shown.imageId || named.imageId,
    kind: named.kind === 'regular' ? shown.kind : named.kind,
    ...(named.logPath !== undefined && { logPath: named.logPath }),
  };
  const known = shown.exit?.exitCode === undefined ? held && exitOfHeld(held) : shown.exit;
  if (known !== undefined && told !== undefined) return withExit(container, supplemented(known, told), named.reason);
  if (known !== undefined && known !== shown.exit) return withExit(container, known);
  return known === undefined && told?.exitCode !== undefined ? withExit(container, told, named.reason) : container;
}

/** What the kernel does not know of an end, from a source that agrees with it on the code. */
function supplemented(exit: ContainerExit, told: ContainerExit | undefined): ContainerExit {
  if (told === undefined || (told.exitCode !== undefined && told.exitCode !== exit.exitCode)) return exit;
  const message = exit.message ?? told.message;
  return {
    ...exit,
    oomKilled: exit.oomKilled || (told.oomKilled && exit.exitCode !== 0),
    ...(message !== undefined && { message }),
  };
}

function withExit(container: Container, exit: ContainerExit, reason = exitReason(exit)): Container {
  return { ...container, state: exit.exitCode === undefined ? 'unknown' : 'exited', reason, exit };
}

function withoutExit(container: Container): Container {
  const { exit: _exit, ...rest } = container;
  return rest;
}
