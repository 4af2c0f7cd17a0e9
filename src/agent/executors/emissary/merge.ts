import { type Container, type ContainerExit, hasEnded } from '../../pods/model.ts';
import { type EmissaryEnd, exitOf } from './ending.ts';

const SIGKILL = 9;

/** What each side knows of one attempt of a container. */
export interface Sightings {
  /** As the pod source has it. */
  readonly named: Container;
  /** As its emissary wrote it, of this attempt. */
  readonly end: EmissaryEnd | undefined;
  /** As it is in the store. */
  readonly shown: Container | undefined;
  /** Where processes are held: whether its first one lives, or is still to be taken. */
  readonly lives: boolean | undefined;
  /** The source is not waited for any longer. */
  readonly isOverdue: boolean;
  readonly now: Date;
}

/**
 * What the store is to show; `wait`: that it has ended, as soon as the source has told its part or is overdue.
 *
 * The emissary knows first, and knows a death by signal; what it wrote is the pod's own word, and the pod could have
 * written it. So it counts until the runtime tells the end: whose exit code, if it is another one, replaces it. Where
 * processes are held it does not count before the kernel says that the container, which was taken, has ended.
 */
export function merge({ named, end, shown, lives, isOverdue, now }: Sightings): Container | 'wait' {
  if (shown !== undefined && hasEnded(shown) && shown.restartCount >= named.restartCount) {
    return isCorrected(shown, named) ? supplemented(named, end) : shown;
  }
  if (named.state === 'exited' || end === undefined) return supplemented(named, end);
  if (named.state === 'waiting') return named;
  if (named.state === 'running') {
    if (lives === true) return named;
    // SIGKILL may be the kernel's, for memory: that the source knows.
    if (end.signal === SIGKILL && !isOverdue) return 'wait';
  }
  return withExit(named, exitOf(end, now), end.reason);
}

/** The runtime has another exit code than the pod gave itself, or one at all. */
function isCorrected({ exit: shown }: Container, { exit: told }: Container): boolean {
  if (told?.exitCode === undefined) return false;
  return shown?.exitCode === undefined || (shown.source === 'emissary' && shown.exitCode !== told.exitCode);
}

/** An end that the source tells, with what only the emissary knows, if the two agree on the code. */
function supplemented(named: Container, end: EmissaryEnd | undefined): Container {
  const { exit } = named;
  if (end === undefined || exit === undefined || exit.exitCode !== end.exitCode) return named;
  const message = exit.message ?? end.message;
  return {
    ...named,
    ...(end.reason !== undefined && { reason: end.reason }),
    exit: {
      ...exit,
      ...(end.signal !== undefined && { signal: end.signal }),
      ...(message !== undefined && { message }),
    },
  };
}

function withExit(container: Container, exit: ContainerExit, own: string | undefined): Container {
  return { ...container, state: 'exited', reason: own ?? (exit.exitCode === 0 ? 'Completed' : 'Error'), exit };
}
