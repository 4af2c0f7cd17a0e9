/** Where the two states differ, one for each. */
export type Result = string | { readonly running: string; readonly exited: string };

export interface Expected {
  /** Of ReadFile, and of CollectArtifact as raw: one regular file. */
  readonly file: Result;
  /** Of CollectArtifact as tar: a file or a tree. */
  readonly tree: Result;
  /** Of both, where an executor reads volumes only and that makes a difference. */
  readonly volume?: string;
}

interface More {
  readonly container?: string;
  readonly maxBytes?: number;
}

/** The case that it tries, if any, and what is asked for. */
export type Row = [number: number | undefined, what: string, path: string | Buffer, expected: Expected, more?: More];

const both = (result: Result, volume?: string): Expected => ({
  file: result,
  tree: result,
  ...(volume !== undefined && { volume }),
});
const fileOnly = { file: '9 NOT_A_REGULAR_FILE', tree: '9 NOT_A_FILE_OR_DIRECTORY' };
const proc = (running: string) => both({ running, exited: '5 FILE_NOT_FOUND' }, baseLayer);
const baseLayer = '12 BASE_LAYER_NOT_OFFERED';
const leaves = '9 LINK_LEAVES_VOLUME';

export const deep = `/work/deep${'/d'.repeat(200)}`;

export const table: readonly Row[] = [
  [undefined, 'an unknown container', '/work/plain', both('5 CONTAINER_NOT_FOUND'), { container: 'nobody' }],
  [undefined, 'an empty container name', '/work/plain', both('3 INVALID_REQUEST'), { container: '' }],
  [
    undefined,
    'a container name of 254 characters',
    '/work/plain',
    both('3 INVALID_REQUEST'),
    { container: 'x'.repeat(254) },
  ],
  [27, 'an empty path', '', both('3 INVALID_PATH')],
  [undefined, 'a relative path', 'work/plain', both('3 INVALID_PATH')],
  [27, '.', '.', both('3 INVALID_PATH')],
  [27, '/', '/', { file: '3 INVALID_PATH', tree: '8 FILE_TOO_LARGE' }, { maxBytes: 1 }],
  [3, 'a path with ..', '/work/../etc/passwd', both('3 INVALID_PATH')],
  [3, 'a path that climbs', '../../../etc/passwd', both('3 INVALID_PATH')],
  [26, 'a path with NUL', Buffer.from('/work/plain\0x'), both('3 INVALID_PATH')],
  [25, 'a path of 5,000 bytes', `/${'x/'.repeat(2500)}y`, both('3 INVALID_PATH')],
  [25, 'a path of 60,000 bytes', `/${'dirs/'.repeat(12_000)}y`, both('3 INVALID_PATH')],
  [25, 'a component of 300 bytes', `/${'x'.repeat(300)}`, both('3 INVALID_PATH')],
  [undefined, 'a missing file', '/work/missing', both('5 FILE_NOT_FOUND')],
  [undefined, 'a name below a file', '/work/plain/x', both('5 FILE_NOT_FOUND')],
  [1, 'an absolute symlink', '/work/absolute', both('OK', leaves)],
  [2, 'a symlink that climbs over the root', '/work/climbing', both('OK', leaves)],
  [10, 'a dangling symlink', '/work/dangling', both('5 FILE_NOT_FOUND', leaves)],
  [9, 'a symlink to itself', '/work/loop', both('9 SYMLINK_LOOP')],
  [9, 'a loop of two symlinks', '/work/ring-a', both('9 SYMLINK_LOOP')],
  [11, '40 symlinks in a chain', '/work/chain-40', both('OK')],
  [11, '41 symlinks in a chain', '/work/chain-41', both('9 SYMLINK_LOOP')],
  [7, 'a symlink to /proc/self/root', '/work/self-root', both('5 FILE_NOT_FOUND', leaves)],
  [7, 'a symlink to /proc/self/cwd', '/work/self-cwd', both('5 FILE_NOT_FOUND', leaves)],
  [7, 'a symlink to /proc/self/fd/0', '/work/self-fd', both('5 FILE_NOT_FOUND', leaves)],
  // The kernel asks for the right to trace, which is not the container user's, before the link is looked at.
  [6, 'the root of process 1', '/proc/1/root/etc/passwd', proc('7 PERMISSION_DENIED')],
  [8, 'the environment of process 1', '/proc/1/environ', proc('7 FILESYSTEM_REFUSED')],
  [8, 'the memory of process 1', '/proc/1/mem', proc('7 FILESYSTEM_REFUSED')],
  [undefined, 'a directory where a file is asked', '/work/tree', { file: '9 NOT_A_REGULAR_FILE', tree: 'OK' }],
  [12, 'a FIFO', '/work/fifo', fileOnly],
  [14, 'a socket', '/work/mounted/below/socket', fileOnly],
  [15, 'a character device', '/work/device', fileOnly],
  [16, "a block device with the number of the node's disk", '/work/disk', fileOnly],
  [15, '/dev/zero', '/dev/zero', both('7 FILESYSTEM_REFUSED', baseLayer)],
  [undefined, 'a file over the limit', '/work/plain', both('8 FILE_TOO_LARGE'), { maxBytes: 5 }],
  [undefined, 'a file at the limit', '/work/plain', both('OK'), { maxBytes: 6 }],
  [17, 'a sparse file of 1 TiB', '/work/sparse', { file: '8 FILE_TOO_LARGE', tree: 'OK' }],
  [
    undefined,
    "a file that the container's user cannot read",
    '/shared/private',
    both('7 PERMISSION_DENIED'),
    { container: 'user' },
  ],
  [
    undefined,
    'a tree with such a file',
    '/shared',
    { file: '9 NOT_A_REGULAR_FILE', tree: '7 PERMISSION_DENIED' },
    { container: 'user' },
  ],
  [undefined, '200 levels deep, a file', `${deep}/file`, both('OK')],
  [24, '200 levels deep, the tree', '/work/deep', { file: '9 NOT_A_REGULAR_FILE', tree: '8 TREE_TOO_DEEP' }],
  [29, 'a name with a newline', '/work/new\nline', both('OK')],
  [28, 'a name that is not UTF-8', Buffer.from('/work/\xff\xfe', 'latin1'), both('OK')],
  [29, 'a name like an option', '/work/tree/-rf', both('OK')],
];
