import pino from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { PodFeed } from '../../src/agent/kubernetes/pod-feed.ts';
import { PodStore } from '../../src/agent/pods/store.ts';
import { ended, id, podJson, status, uid } from './pod-shapes.ts';

const a = 'a'.repeat(64);
const b = 'b'.repeat(64);
const running = (digit: string, restartCount = 0, over: object = {}) =>
  status({ running: { startedAt: '2026-01-02T03:04:05Z' } }, { containerID: id(digit), restartCount, ...over });

let store: PodStore;
let feed: PodFeed;
let stop: AbortController;
let told: string[];
let version = 1;

beforeEach(() => {
  stop = new AbortController();
  store = new PodStore();
  feed = new PodFeed({ store, forgetAfterMs: 1, podLogsDir: '/logs', log: pino({ level: 'silent' }) }, stop.signal);
  told = [];
  store.subscribe(
    (change) =>
      told.push(
        change.type === 'container' ? `${change.container.state} ${change.container.restartCount}` : change.type,
      ),
    stop.signal,
  );
});
afterEach(() => stop.abort());

function put(containerStatus: object, metadata: object = {}): void {
  feed.put(
    podJson({ containerStatuses: [containerStatus] }, { metadata: { resourceVersion: `${version++}`, ...metadata } }),
  );
}

test('one container from its waiting to its end, each told once', () => {
  put(status({ waiting: { reason: 'ContainerCreating' } }));
  put(status({ waiting: { reason: 'ContainerCreating' } }));
  put(running('a'));
  put(running('a'));
  put(status(ended(3), { containerID: id('a') }));
  put(status(ended(3), { containerID: id('a') }));
  expect(told).toEqual(['pod-added', 'waiting 0', 'running 0', 'exited 0']);
  const logPath = `/logs/ns_job_${uid}/main/0.log`;
  expect(store.attempts(uid)).toMatchObject([{ id: a, exit: { exitCode: 3 }, logPath }]);
  expect(store.pod(uid)?.labels).toEqual({ app: 'job' });
});

test('a restart: the end of the first attempt is told, then the second', () => {
  put(running('a'));
  put(running('b', 1, { lastState: ended(1) }));
  expect(told.slice(1)).toEqual(['running 0', 'exited 0', 'running 1']);
  expect(store.container(uid, 'main')).toMatchObject({ id: b, restartCount: 1 });
});

test('restarts that were missed: what is not told is unknown, and never runs on', () => {
  put(running('a'));
  put(running('c', 5, { lastState: ended(1, { containerID: id('b') }) }));
  expect(store.attempts(uid)).toMatchObject([
    { id: a, restartCount: 0, state: 'unknown' },
    { id: b, restartCount: 4, state: 'exited' },
    { restartCount: 5, state: 'running' },
  ]);
});

test('a kubelet takes over a new status under the old version', () => {
  put(running('a'), { resourceVersion: '7' });
  put(status(ended(0), { containerID: id('a') }), { resourceVersion: '7' });
  expect(store.container(uid, 'main')?.state).toBe('exited');
});

test('deleted while it ran: its end is unknown, then the pod is forgotten', async () => {
  put(running('a'));
  feed.replace([]);
  expect(store.container(uid, 'main')).toMatchObject({ id: a, state: 'unknown', exit: { source: 'pod-status' } });
  await expect.poll(() => store.pod(uid)).toBeUndefined();
  expect(feed.pod(uid)).toBeUndefined();
});

test('a pod that comes back was not gone', async () => {
  put(running('a'));
  feed.remove(uid);
  put(running('a'));
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(store.pod(uid)).toBeDefined();
});

test('something is about to end where a pod is being deleted', () => {
  put(running('a'));
  expect(feed.isEnding).toBe(false);
  put(running('a'), { deletionTimestamp: '2026-01-02T03:05:00Z' });
  expect(feed.isEnding).toBe(true);
  feed.remove(uid);
  expect(feed.isEnding).toBe(false);
});

test.each([
  ['from a file', { 'kubernetes.io/config.source': 'file' }],
  ['its mirror', { 'kubernetes.io/config.mirror': '0123' }],
])('a static pod is left out: %s', (_, annotations) => {
  put(running('a'), { annotations });
  expect(store.pods()).toEqual([]);
});

test('what is no pod is left out, and the others are there', () => {
  feed.replace([{ metadata: { uid: '../../etc' } }, null, podJson({ containerStatuses: [running('a')] })]);
  expect(store.pods()).toHaveLength(1);
});
