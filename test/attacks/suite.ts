import { afterAll, beforeAll, describe } from 'vitest';
import { pnsOnNamespaces } from '../conformance/flavours.ts';
import { type Flavour, openSubject, type Subject } from '../conformance/subject.ts';
import { badInput } from './bad-input.ts';
import { changingFiles } from './changing-files.ts';
import { silentFuse } from './fuse.ts';
import { hostPid } from './host-pid.ts';
import { identity } from './identity.ts';
import { largeTrees } from './large-trees.ts';
import { longLine } from './long-line.ts';
import { allowedMounts, mounts } from './mounts.ts';
import { races } from './races.ts';
import { twoPods } from './two-pods.ts';

/** Of each form of a race; opener-races.test.ts makes 100,000 where all executors open files. */
const raceReads = Number(process.env.PODHAND_RACE_READS ?? 1000);

/** What other flavours of an executor differ in: the roots and names that its runtime makes. */
export function attacksOnFilesAndPods(name: string, flavour: Flavour): void {
  describe(name, () => {
    let opened: Subject;
    beforeAll(async () => {
      opened = await openSubject(flavour);
    });
    afterAll(async () => await opened?.close());
    for (const part of [badInput, changingFiles, hostPid, largeTrees, twoPods]) part(flavour, () => opened);
  });
}

/** Every case that concerns an executor and takes a pod, over the real component. */
export function attacks(name: string, flavour: Flavour, more: (subject: () => Subject) => void = () => {}): void {
  describe(name, () => {
    describe('one agent', () => {
      let opened: Subject;
      beforeAll(async () => {
        opened = await openSubject(flavour);
      });
      afterAll(async () => await opened?.close());
      const subject = () => opened;

      badInput(flavour, subject);
      // Pods of plain namespaces always have a pid namespace of their own.
      if (flavour !== pnsOnNamespaces) hostPid(flavour, subject);
      changingFiles(flavour, subject);
      largeTrees(flavour, subject);
      mounts(flavour, subject);
      twoPods(flavour, subject);
      identity(flavour, subject);
      longLine(flavour, subject);
      races(flavour, subject, raceReads);
      more(subject);
    });
    allowedMounts(flavour);
    silentFuse(flavour);
  });
}
