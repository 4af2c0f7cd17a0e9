import { closeSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createHeldRootSource, readableMounts } from '../../src/agent/files/held-root-source.ts';
import { mountTable } from '../../src/agent/files/mounts.ts';
import { ReaderPool, type ReaderPoolOptions } from '../../src/agent/files/reader/pool.ts';
import type {
  CopyDestination,
  FileBody,
  FileSource,
  ProcessCredentials,
  TreeLimits,
} from '../../src/agent/files/source.ts';
import type { SaveOptions } from '../../src/agent/files/write-place.ts';
import { AT_FDCWD, O_DIRECTORY, O_PATH } from '../../src/agent/linux/constants.ts';
import { openat2 } from '../../src/agent/linux/file-calls.ts';
import type { MountKind } from '../../src/agent/linux/mount-kind.ts';
import { parseMountInfo } from '../../src/agent/linux/mountinfo.ts';
import { PodhandError, type Reason } from '../../src/wire/errors.ts';

export const rootUser: ProcessCredentials = { uid: 0, gid: 0, groups: [], capabilities: (1n << 41n) - 1n };
export const plainUser: ProcessCredentials = { uid: 1000, gid: 1000, groups: [], capabilities: 0n };
export const wide: TreeLimits = {
  maxFileBytes: 2 ** 40,
  maxTreeBytes: 2 ** 41,
  maxEntries: 1_000_000,
  maxDepth: 1_000,
};
export const forever = new AbortController().signal;

/** A directory that stands for a container's root, read as the agent reads one; everything is gone after `close`. */
export class ContainerRoot {
  readonly directory = mkdtempSync(join(tmpdir(), 'container-'));
  readonly pool: ReaderPool;
  readonly rootFd: number;
  readonly mountInfo = readFileSync('/proc/self/mountinfo', 'latin1');
  readonly #sources: FileSource[] = [];

  constructor(options: Partial<ReaderPoolOptions> = {}) {
    this.pool = new ReaderPool({ perPod: 4, perNode: 8, ...options });
    this.rootFd = openat2(AT_FDCWD, Buffer.from(this.directory), { flags: O_PATH | O_DIRECTORY, resolve: 0 });
  }

  path(...names: string[]): string {
    return join(this.directory, ...names);
  }

  get save(): SaveOptions {
    const node = { entries: parseMountInfo(this.mountInfo), kubeletDirectory: '/var/lib/kubelet' };
    return { pool: this.pool, node, podUid: 'pod', allowedDestinations: ['rootfs'] };
  }

  source(
    credentials = rootUser,
    allowedMounts: readonly MountKind[] = readableMounts,
    onRelease = () => {},
    podUid = 'pod',
  ): FileSource {
    const { rootFd } = this;
    const save = { ...this.save, podUid };
    const mounts = mountTable(this, save.node, save.podUid);
    const source = createHeldRootSource({ ...save, rootFd, mounts, credentials, allowedMounts, onRelease });
    this.#sources.push(source);
    return source;
  }

  destination(
    path: string,
    options: Partial<CopyDestination> & { credentials?: ProcessCredentials } = {},
  ): CopyDestination {
    const { rootFd, mountInfo } = this;
    const { credentials = rootUser, ...rest } = options;
    const root = { rootFd, mountInfo, credentials, podUid: 'pod' };
    return { root, path: Buffer.from(path), overwrite: false, progress: () => {}, ...rest };
  }

  async close(): Promise<void> {
    for (const source of this.#sources) source.release();
    await this.pool.close();
    closeSync(this.rootFd);
    rmSync(this.directory, { recursive: true, force: true });
  }
}

export async function bytesOf(body: FileBody): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of body.chunks) chunks.push(chunk);
  return Buffer.concat(chunks);
}

export async function readAll(source: FileSource, path: Buffer | string, limits = wide): Promise<Buffer> {
  return bytesOf(await source.readFile(Buffer.from(path), limits, forever));
}

export async function tarOf(source: FileSource, path: Buffer | string, limits = wide): Promise<Buffer> {
  return bytesOf(await source.readTar(Buffer.from(path), limits, forever));
}

/** The reason of the PodhandError that `promise` rejects with; anything else is thrown on. */
export async function reasonOf(promise: Promise<unknown>): Promise<Reason | 'resolved'> {
  return promise.then(
    () => 'resolved',
    (error: unknown) => {
      if (error instanceof PodhandError) return error.reason;
      throw error;
    },
  );
}

/** The descriptors that this process has open, by what they lead to. */
export function openDescriptors(): string[] {
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/self/fd/${fd}`)];
    } catch {
      return [];
    }
  });
}
