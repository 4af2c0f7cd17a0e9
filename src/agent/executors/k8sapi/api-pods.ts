import { z } from 'zod';
import { Backoff } from '../../backoff.ts';
import type { PodFeed } from '../../kubernetes/pod-feed.ts';
import { ServedPods, type ServedPodsOptions } from '../../kubernetes/served-pods.ts';
import { KubernetesStatusError, statusOf } from '../../kubernetes/status-error.ts';
import { listPath, watchPath } from './api-paths.ts';
import { readWatch, type WatchEvent } from './watch-events.ts';

export interface ApiPodsOptions extends ServedPodsOptions {
  /** As Kubernetes has it. */
  readonly nodeName: string;
  /** How long one watch lasts, in seconds; 300 if absent. */
  readonly watchSeconds?: number;
}

const listSchema = z.object({
  metadata: z.object({ resourceVersion: z.string(), continue: z.string().nullish() }),
  items: z.array(z.unknown()).nullish(),
});
const page = { items: 500, maxBytes: 32 * 1024 * 1024, withinMs: 30_000 };
const maxPages = 40;
/** The server ends a watch in time, or nobody is there any more. */
const overdueMs = 15_000;

/**
 * The pods of this node as the API server has them: one watch for the node, however many calls wait. It goes on from the
 * last version that it has seen; where the server does not have that any more (410), the node's pods are listed again.
 */
export class ApiPods extends ServedPods {
  readonly #nodeName: string;
  readonly #watchSeconds: number;

  constructor({ nodeName, watchSeconds = 300, ...options }: ApiPodsOptions) {
    super('the API server', options);
    this.#nodeName = nodeName;
    this.#watchSeconds = watchSeconds;
  }

  override hasten(): void {
    // A watch is as quick as it can be.
  }

  protected override async follow(pods: PodFeed, signal: AbortSignal, listed: () => void): Promise<void> {
    const backoff = new Backoff({ longestMs: 30_000 });
    let version: string | undefined;
    while (!signal.aborted) {
      try {
        if (version === undefined) {
          version = await this.#list(pods, signal);
          listed();
        }
        for await (const events of this.#watch(version, signal)) {
          version = apply(pods, events) ?? version;
          backoff.reset();
        }
        // Also where it ended at once, again and again.
        await backoff.pause(signal);
      } catch (error) {
        if (signal.aborted) return;
        if (statusOf(error) === 410) version = undefined;
        else this.lost(error);
        await backoff.pause(signal).catch(() => {});
      }
    }
  }

  /** All pods of the node, page by page; answers the version that they are of. */
  async #list(pods: PodFeed, signal: AbortSignal): Promise<string> {
    const items: unknown[] = [];
    let next: string | undefined;
    for (let count = 0; count < maxPages; count++) {
      const answer = listSchema.parse(
        await this.endpoint.json(listPath(this.#nodeName, page.items, next), page, signal),
      );
      items.push(...(answer.items ?? []));
      next = answer.metadata.continue || undefined;
      if (next !== undefined) continue;
      pods.replace(items);
      return answer.metadata.resourceVersion;
    }
    throw new RangeError(`more than ${maxPages * page.items} pods on one node`);
  }

  async *#watch(version: string, signal: AbortSignal): AsyncGenerator<WatchEvent[]> {
    const bounded = AbortSignal.any([signal, AbortSignal.timeout(this.#watchSeconds * 1000 + overdueMs)]);
    const stream = await this.endpoint.stream(watchPath(this.#nodeName, version, this.#watchSeconds), bounded);
    try {
      this.answers();
      yield* readWatch(stream);
    } finally {
      stream.close();
    }
  }
}

/** Answers the newest version. Throws the status that an event carries. */
function apply(pods: PodFeed, events: readonly WatchEvent[]): string | undefined {
  let version: string | undefined;
  for (const { type, object } of events) {
    if (type === 'ERROR') throw new KubernetesStatusError(object.code ?? 0, 'the watch has ended');
    // Its last state comes with the deletion.
    const uid = type === 'BOOKMARK' ? undefined : pods.put(object);
    if (type === 'DELETED' && uid !== undefined) pods.remove(uid);
    version = object.metadata.resourceVersion ?? version;
  }
  return version;
}
