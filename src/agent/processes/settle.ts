import { pidfdGetInfo } from '../linux/pidfd-calls.ts';
import type { HeldContainer } from './held-container.ts';
import { pauses } from './pauses.ts';

const untilRoot = { firstMs: 1, mostMs: 20, totalMs: 60_000 };
/** Runtimes set user and capabilities after they have changed the root, and before they start the user's program. */
const untilCredentials = { firstMs: 1, mostMs: 10, totalMs: 250 };
/** A runtime reaps within some milliseconds, and a waiting call waits for it: looked at often first, then seldom. */
const untilReapedSoon = { firstMs: 1, mostMs: 1, totalMs: 200 };
const untilReaped = { firstMs: 2, mostMs: 50, totalMs: 4_800 };

/** Takes the container's root, credentials and mounts while they come to be. Ends with the container, or with `signal`. */
export async function settle(held: HeldContainer, signal: AbortSignal): Promise<void> {
  for await (const _ of pauses(untilRoot, signal)) {
    held.refresh();
    if (held.rootFd !== undefined || held.ended) break;
  }
  if (held.rootFd === undefined) return;
  for await (const _ of pauses(untilCredentials, signal)) {
    if (held.ended) return;
    held.refresh();
  }
}

/**
 * The wait status of a process that has ended, once its own parent has reaped it. Undefined: the kernel does not tell
 * (before Linux 6.15), or nobody has reaped it for 5 s, or `signal` aborted.
 */
export async function readWaitStatus(pidfd: number, signal: AbortSignal): Promise<number | undefined> {
  for (const schedule of [untilReapedSoon, untilReaped]) {
    for await (const _ of pauses(schedule, signal)) {
      const info = pidfdGetInfo(pidfd);
      if (info === undefined || info.reaped) return info?.waitStatus;
    }
  }
  return undefined;
}
