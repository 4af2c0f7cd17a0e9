import { PodhandError } from '../../wire/errors.ts';
import type { Pod } from './model.ts';
import type { PodStore } from './store.ts';

/** How long a container that calls may be ahead of the source that names its pod. Milliseconds. */
const listedWithin = 5_000;

/**
 * The pod of a caller, whose socket may have been there before the pod was known: waited for a little.
 * Errors: POD_NOT_LISTED; the reason of the call's signal.
 */
export async function listedPod(store: PodStore, podUid: string, call: { readonly signal: AbortSignal }): Promise<Pod> {
  const known = store.pod(podUid);
  if (known !== undefined) return known;
  const { signal } = call;
  signal.throwIfAborted();
  const done = new AbortController();
  const { promise, resolve } = Promise.withResolvers<void>();
  store.subscribe(() => resolve(), done.signal, podUid);
  const timer = setTimeout(resolve, listedWithin);
  signal.addEventListener('abort', () => resolve(), { signal: done.signal });
  await promise;
  clearTimeout(timer);
  done.abort();
  signal.throwIfAborted();
  const pod = store.pod(podUid);
  if (pod !== undefined) return pod;
  throw new PodhandError('POD_NOT_LISTED', 'the agent’s source of pods does not name this pod yet; call again');
}
