import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type Docker from 'dockerode';
import { afterEach, beforeEach } from 'vitest';
import type { SaveFunctions } from '../../src/agent/executors/docker/archive/archive-source.ts';
import { DockerFiles } from '../../src/agent/executors/docker/docker-files.ts';
import type { FileSource, TreeLimits } from '../../src/agent/files/source.ts';
import type { MountKind } from '../../src/agent/linux/mount-kind.ts';
import { EnginePod } from './engine-pod.ts';
import { containerOf } from './test-pod.ts';

export const never = new AbortController().signal;
export const limits: TreeLimits = { maxFileBytes: 64 << 20, maxTreeBytes: 256 << 20, maxEntries: 50_000, maxDepth: 64 };
export const allowed: readonly MountKind[] = ['rootfs', 'emptyDir', 'volume', 'tmpfs', 'runtimeFile'];
export const bytes = (path: string) => Buffer.from(path, 'latin1');

/** Everything at once that can be asked for wrongly. */
export const makeTree = `
  mkdir -p /w/sub/deeper /w/empty; cd /w
  echo hello > file; chmod 640 file; chown 1234:2345 file
  : > nothing
  ln file hard
  ln -s file link; ln -s /etc/passwd absolute; ln -s ../../../../../etc/passwd upwards
  ln -s loop2 loop1; ln -s loop1 loop2; ln -s self self; ln -s nowhere dangling
  mkdir /links; ln -s ../w/file/below /links/through-file; ln -s "$(printf '/w/bad\\377\\376')" /links/to-bad
  ln -s sub dir; ln -s /w/dir/deeper dir2
  mkfifo fifo; mknod device c 1 3
  printf x > "new
line"; printf y > "$(printf 'bad\\377\\376')"; printf z > "$(head -c 255 /dev/zero | tr '\\0' n)"
  ln -s "$(printf 'bad\\377\\376')" to-bad
  truncate -s 1099511627776 sparse
  i=0; ln -s file l0; while [ $i -lt 45 ]; do ln -s l$i l$((i+1)); i=$((i+1)); done
  echo inner > sub/deeper/inner; chmod 600 sub/deeper/inner`;

const noSave: SaveFunctions = {
  file: () => Promise.reject(new Error('nothing is saved here')),
  tree: () => Promise.reject(new Error('nothing is saved here')),
};

/** Files of containers that have ended, as an executor reads them that held nothing of them. */
export class EndedFiles extends EnginePod {
  directory = '';

  constructor() {
    super();
    beforeEach(() => {
      this.directory = mkdtempSync(join(tmpdir(), 'pa-'));
    });
    afterEach(async () => {
      await this.pod.remove();
      rmSync(this.directory, { recursive: true, force: true });
    });
  }

  get kubeletDirectory(): string {
    return join(this.directory, 'k');
  }

  async open({ id }: Docker.Container, kinds = allowed, save: SaveFunctions = noSave): Promise<FileSource> {
    const { engine, kubeletDirectory } = this;
    const files = new DockerFiles({ engine, held: undefined, allowed: kinds, kubeletDirectory, save });
    return await files.open(containerOf(this.pod, id), never);
  }

  async read(source: FileSource, path: Buffer | string, own: Partial<TreeLimits> = {}) {
    const { facts, chunks } = await source.readFile(Buffer.from(path), { ...limits, ...own }, never);
    return { facts, data: (await whole(chunks)).toString('latin1') };
  }

  async tar(source: FileSource, path: Buffer | string, own: Partial<TreeLimits> = {}) {
    const body = await source.readTar(Buffer.from(path), { ...limits, ...own }, never);
    return { body, archive: await whole(body.chunks), summary: body.summary() };
  }

  /** What GNU tar makes of an archive. */
  extract(archive: Buffer): string {
    const place = mkdtempSync(join(this.directory, 'extracted-'));
    execFileSync('tar', ['--extract', '--preserve-permissions', '--numeric-owner', '-C', place], { input: archive });
    return place;
  }
}

async function whole(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  return Buffer.concat(parts);
}
