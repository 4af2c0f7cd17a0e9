import { closeSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { inotifyInit } from '../../src/agent/linux/inotify.ts';
import { openCluster } from '../conformance/cluster-flavours.ts';
import { eventually, logsOf, type Subject } from '../conformance/subject.ts';
import { counting, executors, lines, type Opened, openOn } from './counting-pods.ts';

// Nothing else of this user, not even another suite, gets an instance meanwhile.
describe.each(executors)('under the %s executor', (executor) => {
  let opened: Opened;
  let subject: Subject;
  beforeAll(async () => {
    opened = await openCluster('docker');
    subject = await openOn(opened, executor);
  });
  afterAll(async () => await subject?.close());

  test('a kubelet without an inotify instance left: a followed log goes on, and ends with the container', async () => {
    const pod = await subject.pod();
    const main = await subject.sh(pod, 'main', counting);
    const taken: number[] = [];
    let following: ReturnType<typeof logsOf>;
    try {
      // The kubelet takes one for each log that it follows; the limit is its user's, as it is on a node.
      expect(() => {
        for (;;) taken.push(inotifyInit());
      }).toThrow(expect.objectContaining({ code: 'EMFILE' }));
      following = logsOf(subject, pod, { container: 'main', follow: true });
      following.catch(() => undefined);
      const { kubectl } = opened.cluster;
      const argv = ['logs', '--follow', `--namespace=${pod.namespace}`, pod.name];
      await expect.poll(() => kubectl.must(argv), { timeout: 30_000 }).toContain('too many open files');
      await eventually(async () => lines((await logsOf(subject, pod, { container: 'main' })).both).length > 50);
      await main.signal('SIGTERM');
      const seen = lines((await following).both);
      expect(seen.length).toBeGreaterThan(50);
      expect(seen).toEqual(seen.map((_, at) => at + 1));
    } finally {
      for (const fd of taken) closeSync(fd);
    }
  });
});
