import type { Column, Reason } from './columns.ts';

/** A way to attack an agent, by its number for good. */
export interface AttackCase {
  readonly number: number;
  readonly name: string;
  /** What has to come of it. */
  readonly expected: string;
  /** Where it has to have been tried. */
  readonly on: readonly Column[];
  /** Why not in the other columns. */
  readonly elsewhere: Readonly<Partial<Record<Column, Reason>>>;
}

const executors = ['docker', 'pns', 'kubelet', 'k8sapi', 'emissary'] as const;
type Where = Pick<AttackCase, 'on' | 'elsewhere'>;

const everyExecutor: Where = { on: executors, elsewhere: { shared: 'sharedLater' } };
const everywhere: Where = { on: ['shared', ...executors], elsewhere: {} };
const sharedFor = (reason: Reason): Where => ({
  on: ['shared'],
  elsewhere: Object.fromEntries(executors.map((executor) => [executor, reason])),
});
const before = sharedFor('beforeExecutors');
const logFiles: Where = {
  on: ['shared', 'docker', 'pns', 'emissary'],
  elsewhere: { kubelet: 'logsByApi', k8sapi: 'logsByApi' },
};

const rows: readonly (readonly [name: string, expected: string, where: Where])[] = [
  ['absolute symlink', "the container's own file, or refused", everyExecutor],
  ['symlink over the root', "the container's own file, or refused", everyExecutor],
  ['`..` in a request', 'INVALID_PATH', everyExecutor],
  ['parent exchanged with a link, as a race', 'never a byte of the node', everywhere],
  ['the same with `..` in the link, as a race', 'never a byte of the node', everywhere],
  ['`/proc/1/root`', 'refused', everywhere],
  ['links to `/proc/self`', 'refused', everyExecutor],
  ['`/proc/1/environ`, `/proc/1/mem`', 'refused', everyExecutor],
  ['symlink loop', 'SYMLINK_LOOP', everyExecutor],
  ['dangling symlink', 'FILE_NOT_FOUND, or refused', everyExecutor],
  ['41 chained symlinks', 'SYMLINK_LOOP', everyExecutor],
  ['FIFO', 'NOT_A_REGULAR_FILE, never opened', everyExecutor],
  ['FIFO swapped in, as a race', 'never opened, never waited for', everywhere],
  ['socket file', 'NOT_A_REGULAR_FILE', everyExecutor],
  ['character device, also swapped in', 'refused, never opened', everywhere],
  ["block device with the number of the node's disk", 'NOT_A_REGULAR_FILE, never opened', everyExecutor],
  ['sparse file of 1 TiB', 'FILE_TOO_LARGE; some bytes as tar', everyExecutor],
  ['grows while it is read', 'as it was when it was opened', everyExecutor],
  ['truncated while it is read', 'FILE_CHANGED, nothing filled up', everyExecutor],
  ['deleted or replaced while it is read', 'read to its end', everyExecutor],
  ["hard link to a file that the container's user cannot read", 'PERMISSION_DENIED', everyExecutor],
  ['one inode under 60,000 names (ext4 allows 65,000)', 'counted and sent once', everyExecutor],
  ['200,000 entries in a directory', 'TOO_MANY_ENTRIES, others are answered', everyExecutor],
  ['3,000 directories deep', 'TREE_TOO_DEEP', everyExecutor],
  ['path of over 4,095 bytes, component of over 255', 'INVALID_PATH', everyExecutor],
  ['NUL in a path', 'INVALID_PATH', everywhere],
  ['empty path, `.`, `/`', 'INVALID_PATH for a file', everyExecutor],
  ['name that is not UTF-8', 'kept as bytes', everywhere],
  ['newline, ESC, `-rf` in a name', 'no log line of its own', everywhere],
  ['`..` or a leading `/` in tar names', 'never sent', everyExecutor],
  ['symlink in a collected tree', 'sent as a link', everyExecutor],
  ['bind mount of `/` in another container', 'MOUNT_REFUSED', everyExecutor],
  ['0600 of root in a hostPath of uid 1000', 'refused where hostPath is allowed, too', everyExecutor],
  ['Secret, token, projected volume', 'MOUNT_REFUSED', everyExecutor],
  ['mounts within a volume', 'read, or counted as left out', everyExecutor],
  ['FUSE mount that never answers', 'refused or left out; no other pod waits', everywhere],
  ['target ends while it is read', 'what was opened is read to its end', everyExecutor],
  ['pid of the target reused', 'not signalled, not read', sharedFor('processes')],
  ['exec, nested cgroup', 'the container is the topmost one', everywhere],
  ['forged cgroup tail', 'identity stays', everywhere],
  ['forged mountinfo', 'identity stays', everyExecutor],
  ['connection passed to another pod', 'dies with who opened it', everyExecutor],
  ['caller dead before it is accepted', 'no identity; the next is answered', everyExecutor],
  ['forged metadata', 'the own pod is answered', everyExecutor],
  ['names and ids of another pod', 'as one that is nowhere (not timed)', everyExecutor],
  ['process of the node, static pod', 'refused', everyExecutor],
  ['1,000 silent connections', '64 held, closed in time', before],
  ['12 streams where 4 are allowed', '4 run, 8 are refused', before],
  ['caller that does not read', 'the source is stopped', before],
  ['80 kB of metadata, 5 MB request', 'refused', before],
  ['line without end; 1 GiB in files of the node', 'in chunks, in bounded memory', everyExecutor],
  ['log replaced by a link', 'not followed', logFiles],
  ['unlisted signal, foreign container', 'refused before anything is sent', everywhere],
  ['socket directory: unlink, rename, things in its place', 'nothing of the node changed', everywhere],
];

export const cases: readonly AttackCase[] = rows.map(([name, expected, where], at) => ({
  number: at + 1,
  name,
  expected,
  ...where,
}));
