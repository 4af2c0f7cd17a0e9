import fc from 'fast-check';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { readWatch } from '../../src/agent/executors/k8sapi/watch-events.ts';
import type { ResponseStream } from '../../src/agent/http/response-stream.ts';
import { PodFeed } from '../../src/agent/kubernetes/pod-feed.ts';
import { type PodJson, podSchema } from '../../src/agent/kubernetes/pod-json.ts';
import { containersOf } from '../../src/agent/kubernetes/pod-status.ts';
import { PodStore } from '../../src/agent/pods/store.ts';
import { containerMessage } from '../../src/agent/service/messages.ts';
import { loadExecutorService } from '../../src/wire/load.ts';
import { changed, changes, cut, pieceSizes } from './bytes.ts';
import { patience, runs } from './runs.ts';

const uid = '11111111-1111-4111-8111-111111111111';
const id = `containerd://${'ab'.repeat(32)}`;
const ended = {
  exitCode: 3,
  reason: 'Error',
  startedAt: '2024-01-01T00:00:00Z',
  finishedAt: '2024-01-01T00:00:01Z',
  containerID: id,
};
/** As a kubelet and an API server tell of it. */
const pod = {
  metadata: { uid, name: 'steps', namespace: 'default', labels: { a: 'b' }, annotations: {}, resourceVersion: '7' },
  spec: {
    restartPolicy: 'Never',
    initContainers: [{ name: 'init', image: 'a', restartPolicy: 'Always' }],
    containers: [{ name: 'main', image: 'b', volumeMounts: [{ name: 'v', mountPath: '/v', subPath: 's' }] }],
    ephemeralContainers: [],
    volumes: [{ name: 'v', emptyDir: {} }],
    securityContext: { runAsUser: 1000, supplementalGroups: [1, 2] },
  },
  status: {
    phase: 'Running',
    initContainerStatuses: [
      { name: 'init', restartCount: 0, containerID: id, state: { running: { startedAt: '2024-01-01T00:00:00Z' } } },
    ],
    containerStatuses: [
      {
        name: 'main',
        image: 'b',
        imageID: 'i',
        restartCount: 1,
        containerID: id,
        state: { terminated: ended },
        lastState: { terminated: ended },
      },
    ],
  },
};

const any = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    true,
    0,
    -1,
    1.5,
    1e308,
    -(2 ** 31) - 1,
    2 ** 53,
    '',
    '0001-01-01T00:00:00Z',
    '9999-99-99',
    '+275760-09-13T00:00:00.000Z',
    '-000001-01-01T00:00:00Z',
    [],
    {},
  ),
  fc.string({ unit: 'binary' }),
  fc.array(fc.constantFrom<unknown>(null, 1, 'x', {}), { maxLength: 3 }),
  fc.constantFrom(pod.spec, pod.status.containerStatuses[0], pod.metadata),
);

/** The pod with something else in the place of one of its values, or without it. */
const misshapen = fc.array(fc.tuple(fc.nat(), any, fc.boolean()), { minLength: 1, maxLength: 4 }).map((all) => {
  const copy = structuredClone(pod) as unknown;
  for (const [at, value, gone] of all) {
    const places: [Record<string, unknown>, string][] = [];
    const walk = (node: unknown) => {
      if (typeof node !== 'object' || node === null) return;
      for (const key of Object.keys(node)) {
        places.push([node as Record<string, unknown>, key]);
        walk((node as Record<string, unknown>)[key]);
      }
    };
    walk(copy);
    const [parent, key] = places[at % Math.max(1, places.length)] ?? [];
    if (parent === undefined || key === undefined) continue;
    if (gone) delete parent[key];
    else parent[key] = structuredClone(value);
  }
  return copy;
});

test(
  'a pod of any shape is shown or left out; what is shown can be sent',
  () => {
    const serialize = loadExecutorService().definition.ListContainers.responseSerialize;
    const log = pino({ level: 'silent' });
    fc.assert(
      fc.property(fc.array(misshapen, { maxLength: 3 }), (items) => {
        const ending = new AbortController();
        const store = new PodStore();
        const feed = new PodFeed({ store, forgetAfterMs: 60_000, log, podLogsDir: '/var/log/pods' }, ending.signal);
        for (const each of [pod, ...items, pod]) feed.put(each);
        feed.replace(items);
        for (const { uid } of store.pods()) {
          const containers = store.attempts(uid);
          for (const container of containers) {
            expect(['waiting', 'running', 'exited', 'unknown']).toContain(container.state);
            if (container.exit?.exitCode !== undefined) expect(container.exit.exitCode).toBeGreaterThanOrEqual(0);
            expect(container.id).toMatch(/^(?:[0-9a-f]{64})?$/);
          }
          serialize({ containers: containers.map((container) => containerMessage(container, undefined)) });
        }
        ending.abort();
      }),
      runs(600),
    );
  },
  patience,
);

/** An answer of the API server in pieces. */
function streamOf(pieces: readonly Buffer[]): ResponseStream {
  const left = [...pieces];
  return { read: async () => (left.length === 0 ? undefined : left.splice(0, 2)) } as unknown as ResponseStream;
}

async function eventsOf(pieces: readonly Buffer[]): Promise<unknown[]> {
  const events: unknown[] = [];
  for await (const batch of readWatch(streamOf(pieces))) events.push(...batch);
  return events;
}
const kinds = fc.array(
  fc.tuple(fc.constantFrom('ADDED', 'MODIFIED', 'DELETED', 'BOOKMARK', 'ERROR'), fc.oneof(misshapen, fc.constant(pod))),
  { maxLength: 5 },
);
const written = (all: readonly (readonly [string, unknown])[]) =>
  Buffer.from(all.map(([type, object]) => `${JSON.stringify({ type, object })}\n`).join(''));

test(
  'a watch is read the same, wherever it is cut',
  async () => {
    await fc.assert(
      fc.asyncProperty(kinds, pieceSizes, async (all, sizes) => {
        const sound = all.filter(
          ([, object]) =>
            z
              .looseObject({
                metadata: z
                  .looseObject({ resourceVersion: z.string().optional(), uid: z.string().optional() })
                  .nullish(),
                code: z.number().optional(),
              })
              .safeParse(object).success,
        );
        const events = await eventsOf(cut(written(sound), sizes));
        expect(events.map((event) => (event as { type: string }).type)).toEqual(sound.map(([type]) => type));
      }),
      runs(200),
    );
  },
  patience,
);

test(
  'a changed watch gives pods or ends with an error that the feed starts again from',
  async () => {
    await fc.assert(
      fc.asyncProperty(kinds, changes, pieceSizes, async (all, made, sizes) => {
        try {
          const events = (await eventsOf(cut(changed(written(all), made), sizes))) as { object: unknown }[];
          for (const { object } of events) {
            const parsed = podSchema.safeParse(object);
            if (parsed.success) containersOf(parsed.data as PodJson);
          }
        } catch (error) {
          // JSON, its shape, its length: api-pods lists again after any of them.
          expect(error instanceof SyntaxError || error instanceof z.ZodError || error instanceof RangeError).toBe(true);
        }
      }),
      runs(500),
    );
  },
  patience,
);

test('an event without an end is given up at 8 MiB', async () => {
  const endless = Array.from({ length: 200 }, () => Buffer.alloc(64 * 1024, 0x61));
  let read = 0;
  const counted = {
    read: async () => (read < endless.length ? [endless[read++]] : undefined),
  } as unknown as ResponseStream;
  await expect(
    (async () => {
      for await (const _ of readWatch(counted));
    })(),
  ).rejects.toThrow(RangeError);
  expect(read * 64).toBeLessThanOrEqual(8 * 1024 + 64);
});
