/** Kernel flags that node:fs does not name. Values are those of x86-64 and arm64; where these differ, of `process.arch`. */

const arm64 = process.arch === 'arm64';

export const AT_FDCWD = -100;
export const AT_SYMLINK_NOFOLLOW = 0x100;
export const AT_REMOVEDIR = 0x200;
export const AT_SYMLINK_FOLLOW = 0x400;
export const AT_EMPTY_PATH = 0x1000;
/** With `statx`: answer from what is cached and never ask a remote or FUSE server. */
export const AT_STATX_DONT_SYNC = 0x4000;

export const O_RDONLY = 0;
export const O_WRONLY = 1;
export const O_RDWR = 2;
export const O_CREAT = 0o100;
export const O_EXCL = 0o200;
export const O_NOCTTY = 0o400;
export const O_TRUNC = 0o1000;
export const O_NONBLOCK = 0o4000;
export const O_DIRECTORY = arm64 ? 0o40000 : 0o200000;
export const O_NOFOLLOW = arm64 ? 0o100000 : 0o400000;
export const O_NOATIME = 0o1000000;
export const O_CLOEXEC = 0o2000000;
export const O_PATH = 0o10000000;
/** O_TMPFILE as fcntl.h has it, O_DIRECTORY included. */
export const O_TMPFILE = 0o20000000 | O_DIRECTORY;

/** `resolve` of openat2. */
export const RESOLVE_NO_XDEV = 0x01;
export const RESOLVE_NO_MAGICLINKS = 0x02;
export const RESOLVE_NO_SYMLINKS = 0x04;
export const RESOLVE_BENEATH = 0x08;
export const RESOLVE_IN_ROOT = 0x10;
export const RESOLVE_CACHED = 0x20;
/** Below the directory that the way starts in, and through no link of any kind. Mounts are crossed. */
export const strictlyBeneath = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;

export const S_IFMT = 0o170000;
export const S_IFSOCK = 0o140000;
export const S_IFLNK = 0o120000;
export const S_IFREG = 0o100000;
export const S_IFBLK = 0o060000;
export const S_IFDIR = 0o040000;
export const S_IFCHR = 0o020000;
export const S_IFIFO = 0o010000;

/** `type` of a directory entry; DT_UNKNOWN where the file system does not say. */
export const DT_UNKNOWN = 0;
export const DT_FIFO = 1;
export const DT_CHR = 2;
export const DT_DIR = 4;
export const DT_BLK = 6;
export const DT_REG = 8;
export const DT_LNK = 10;
export const DT_SOCK = 12;

export const SEEK_SET = 0;
export const SEEK_CUR = 1;
export const SEEK_END = 2;
export const SEEK_DATA = 3;
export const SEEK_HOLE = 4;

export const RENAME_NOREPLACE = 1;
export const RENAME_EXCHANGE = 2;

export const FALLOC_FL_KEEP_SIZE = 1;
export const FALLOC_FL_PUNCH_HOLE = 2;

/** `tv_nsec` of utimensat: leave this time as it is. */
export const UTIME_OMIT = 0x3ffffffe;

export const EPOLLIN = 0x001;
export const EPOLLERR = 0x008;
export const EPOLLHUP = 0x010;
export const EPOLLONESHOT = 1 << 30;

/** File system types as fstatfs answers them. */
export const fileSystemMagic = {
  overlay: 0x794c7630,
  ext4: 0xef53,
  xfs: 0x58465342,
  btrfs: 0x9123683e,
  tmpfs: 0x01021994,
  ramfs: 0x858458f6,
  f2fs: 0xf2f52010,
  zfs: 0x2fc12fc1,
  squashfs: 0x73717368,
  erofs: 0xe0f5e1e2,
  proc: 0x9fa0,
  sysfs: 0x62656572,
  cgroup: 0x27e0eb,
  cgroup2: 0x63677270,
  devpts: 0x1cd1,
  mqueue: 0x19800202,
  debugfs: 0x64626720,
  tracefs: 0x74726163,
  bpf: 0xcafe4a11,
  securityfs: 0x73636673,
  fuse: 0x65735546,
  nfs: 0x6969,
  cifs: 0xff534d42,
  smb2: 0xfe534d42,
  ceph: 0x00c36400,
  v9fs: 0x01021997,
  nsfs: 0x6e736673,
} as const;

/** Capabilities, as masks of an effective set. */
export const CAP_CHOWN = 1n << 0n;
export const CAP_DAC_OVERRIDE = 1n << 1n;
export const CAP_DAC_READ_SEARCH = 1n << 2n;
export const CAP_FOWNER = 1n << 3n;
export const CAP_FSETID = 1n << 4n;
export const CAP_KILL = 1n << 5n;
export const CAP_SETGID = 1n << 6n;
export const CAP_SETUID = 1n << 7n;
export const CAP_LINUX_IMMUTABLE = 1n << 9n;
export const CAP_SYS_PTRACE = 1n << 19n;
export const CAP_MKNOD = 1n << 27n;

/** The capabilities that decide on access to files; the only ones that `withCredentials` passes on. */
export const fileCapabilities = CAP_CHOWN | CAP_DAC_OVERRIDE | CAP_DAC_READ_SEARCH | CAP_FOWNER | CAP_FSETID;
