import { PodhandError } from '../../../wire/errors.ts';
import type { FileSource } from '../../files/source.ts';
import { type Container, hasEnded } from '../../pods/model.ts';
import type { HeldContainer } from '../../processes/held-container.ts';
import type { HeldContainers } from '../../processes/held-containers.ts';
import { readPids } from '../../processes/usage.ts';
import type { FilesRole, SignalRole, StatsRole } from '../roles.ts';

/**
 * The files below a held container's root. `release` is to be called once they are not needed any more: until then the
 * descriptors of `held` stay open.
 */
export type OpenHeldRoot = (held: HeldContainer, release: () => void) => FileSource;

/** A runtime needs this long at most, in milliseconds, to bring a process into its own root. */
const rootWithinMs = 10_000;
const maxPids = 100;

/** Files by the root that was taken while the container ran; ended containers too, as long as they are held. */
export function heldFiles(held: HeldContainers, openRoot: OpenHeldRoot): FilesRole {
  return {
    open: async (container, signal) => {
      const own = held.get(container.id);
      if (own === undefined) throw notHeld(container);
      await untilSettled(own, AbortSignal.any([signal, AbortSignal.timeout(rootWithinMs)]));
      signal.throwIfAborted();
      const release = own.retain();
      if (release === undefined) throw notHeld(container);
      try {
        own.refresh();
        if (own.rootFd === undefined) throw notHeld(container);
        return openRoot(own, release);
      } catch (error) {
        release();
        throw error;
      }
    },
  };
}

/** Signals by pidfd: never to a process that has got the number of another. */
export function heldSignals(held: HeldContainers): SignalRole {
  return {
    send: async (container, number) => {
      const result = held.signal(container.id, number);
      if (result !== 'unknown') return result;
      if (hasEnded(container)) return 'gone';
      throw notHeld(container);
    },
  };
}

/** Figures of the container's cgroup. */
export function heldStats(held: HeldContainers): StatsRole {
  return {
    sample: async (container) => {
      const own = held.get(container.id);
      if (own === undefined || own.ended) return undefined;
      return { usage: own.usage(), pids: readPids(own.cgroupPaths, maxPids) };
    },
    final: (container) => held.get(container.id)?.lastUsage,
  };
}

async function untilSettled(held: HeldContainer, signal: AbortSignal): Promise<void> {
  if (held.rootFd !== undefined || signal.aborted) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const done = () => resolve();
  signal.addEventListener('abort', done, { once: true });
  try {
    await Promise.race([held.settled, promise]);
  } finally {
    signal.removeEventListener('abort', done);
  }
}

function notHeld(container: Container): PodhandError {
  const { name, state } = container;
  if (state === 'waiting') return new PodhandError('CONTAINER_NOT_STARTED', `container ${name} has not started`);
  const why =
    state === 'running'
      ? 'none of its processes could be taken yet'
      : 'it ended before its process and its root could be taken, or too long ago';
  return new PodhandError('CONTAINER_NOT_SEEN', `container ${name} is out of the pns executor's reach: ${why}`);
}
