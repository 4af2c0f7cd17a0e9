import { PodChanges } from './changes.ts';
import { type Container, hasEnded } from './model.ts';
import type { PodStore } from './store.ts';

/** The attempt once it has ended: the same id, and where a runtime restarts in place, the same restart count. */
export async function attemptEnd(container: Container, store: PodStore, signal: AbortSignal): Promise<Container> {
  const changes = new PodChanges(store, container.podUid, signal);
  for (;;) {
    const now = store.byId(container.podUid, container.id);
    if (now === undefined || changes.podRemoved) return { ...container, state: 'unknown' };
    if (hasEnded(now)) return now;
    if (now.restartCount !== container.restartCount) return { ...container, state: 'exited' };
    await changes.next();
  }
}
