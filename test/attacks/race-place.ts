import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readableMounts } from '../../src/agent/files/held-root-source.ts';
import { MountPolicy, mountTable } from '../../src/agent/files/mounts.ts';
import { Opener, openDescriptors } from '../../src/agent/files/resolve.ts';
import { O_DIRECTORY, O_PATH } from '../../src/agent/linux/constants.ts';
import { parseMountInfo } from '../../src/agent/linux/mountinfo.ts';

/** What a file is exchanged with: the case, its name, and how it is made. */
export const swappedKinds = [
  [13, 'FIFO', 'mkfifo', []],
  [15, 'device that never ends', 'mknod', ['c', '1', '5']],
] as const;

/** How every executor opens files: below a root that is held (docker, pns, emissary with `hold`), or beneath a volume. */
export const forms = [
  ['below a held root', false],
  ['beneath a volume', true],
] as const;

/** A root with `data` in it, and beside it, on the same mount, what no caller may see. */
export class RacePlace {
  readonly #folder = mkdtempSync(join(tmpdir(), 'podhand-race-'));
  readonly #descriptors = openDescriptors();
  readonly outside = join(this.#folder, 'outside');
  readonly root = join(this.#folder, 'root');
  readonly data = join(this.root, 'data');
  readonly opener = new Opener(this.#descriptors);
  readonly policy: MountPolicy;
  readonly place: { readonly rootFd: number; readonly volume?: { readonly name: Buffer } };

  constructor(ofVolume: boolean) {
    mkdirSync(this.outside);
    writeFileSync(join(this.outside, 'file'), 'of the node');
    // What a link to it names, as the container sees it.
    mkdirSync(join(this.root, this.outside), { recursive: true });
    writeFileSync(join(this.root, this.outside, 'file'), 'of the container');
    mkdirSync(this.data);
    const rootFd = openSync(this.root, O_PATH | O_DIRECTORY);
    this.place = { rootFd, ...(ofVolume && { volume: { name: Buffer.from('data') } }) };
    const mountInfo = readFileSync('/proc/self/mountinfo', 'latin1');
    const node = { entries: parseMountInfo(mountInfo), kubeletDirectory: '/var/lib/kubelet' };
    this.policy = new MountPolicy(mountTable({ rootFd, mountInfo }, node, 'pod'), readableMounts);
  }

  close(): void {
    closeSync(this.place.rootFd);
    closeSync(this.#descriptors);
    rmSync(this.#folder, { recursive: true });
  }
}
