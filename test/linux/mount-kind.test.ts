import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { O_PATH, RESOLVE_IN_ROOT } from '../../src/agent/linux/constants.ts';
import { openat2 } from '../../src/agent/linux/file-calls.ts';
import { classifyMount, classifyMounts, type MountKind } from '../../src/agent/linux/mount-kind.ts';
import { parseMountInfo } from '../../src/agent/linux/mountinfo.ts';
import { statx } from '../../src/agent/linux/statx.ts';

const own = '2c48913c-b29f-11e7-9350-020968147796';
const foreign = '11111111-2222-3333-4444-555555555555';
const id = '9bca8d63d5fa610783847915bcff0ecac1273e5b4bed3f6fa1b07350e0135961';
const pods = '/var/lib/kubelet/pods';

test('parses optional fields, escapes and broken lines', () => {
  const text = [
    '36 35 98:0 /a\\040b /mnt\\134\\012x rw,noatime master:1 shared:7 - ext4 /dev/root rw,errors=continue',
    '37 35 0:44 / /dev\\011ro ro - tmpfs a\\043b rw',
    '38 35 0:45 / /cut',
    '',
  ].join('\n');
  expect(parseMountInfo(text)).toEqual([
    {
      mountId: 36,
      parentId: 35,
      dev: '98:0',
      root: '/a b',
      mountPoint: '/mnt\\\nx',
      readOnly: false,
      fsType: 'ext4',
      source: '/dev/root',
      superOptions: ['rw', 'errors=continue'],
    },
    {
      mountId: 37,
      parentId: 35,
      dev: '0:44',
      root: '/',
      mountPoint: '/dev\tro',
      readOnly: true,
      fsType: 'tmpfs',
      source: 'a#b',
      superOptions: ['rw'],
    },
  ]);
});

/** The disk is 8:1; /mnt/kubelet, on 8:2, is bound to the kubelet's place as well. */
const node = {
  kubeletDirectory: '/var/lib/kubelet',
  entries: parseMountInfo(
    [
      '1 0 8:1 / / rw - ext4 /dev/sda1 rw',
      `2 1 0:50 / ${pods}/${own}/volumes/kubernetes.io~secret/token rw - tmpfs tmpfs rw`,
      `3 1 0:51 / ${pods}/${own}/volumes/kubernetes.io~empty-dir/memory rw - tmpfs tmpfs rw`,
      `4 1 0:52 / ${pods}/${own}/volumes/kubernetes.io~projected/api rw - tmpfs tmpfs rw`,
      `5 1 8:1 ${pods}/${own}/volumes/kubernetes.io~empty-dir/work/sub ${pods}/${own}/volume-subpaths/work/main/0 rw - ext4 /dev/sda1 rw`,
      `6 1 8:1 /data/host ${pods}/${own}/volume-subpaths/hosted/main/1 rw - ext4 /dev/sda1 rw`,
      `7 1 0:50 /..data/key ${pods}/${own}/volume-subpaths/token/main/2 rw - tmpfs tmpfs rw`,
      `8 1 8:9 / ${pods}/${own}/volumes/kubernetes.io~csi/pv1/mount rw - xfs /dev/sdc rw`,
      `9 1 8:9 /deep ${pods}/${own}/volume-subpaths/pv1/main/3 rw - xfs /dev/sdc rw`,
      `10 1 0:60 / /var/lib/docker/overlay2/abc/merged rw - overlay overlay rw`,
      `11 1 0:61 / /var/lib/docker/containers/${id}/mounts/shm rw - tmpfs shm rw`,
      '12 1 8:2 / /mnt rw - ext4 /dev/sdb1 rw',
      '13 1 8:2 /kubelet /var/lib/kubelet rw - ext4 /dev/sdb1 rw',
      '14 1 0:6 / /dev rw - devtmpfs udev rw',
      '15 1 0:70 / /run rw - tmpfs tmpfs rw',
      `16 1 8:8 / ${pods}/${own}/volumes/kubernetes.io~local-volume/pv2 rw - ext4 /dev/sdd rw`,
    ].join('\n'),
  ),
};

describe('kinds', () => {
  test.each<[string, string, string, string, string, MountKind]>([
    ['proc', '0:99', '/', '/proc', 'proc', 'pseudo'],
    ['cgroups', '0:99', '/docker/x', '/sys/fs/cgroup/pids', 'cgroup', 'pseudo'],
    ['/dev', '0:99', '/', '/dev', 'tmpfs', 'pseudo'],
    ['masked', '0:99', '/null', '/proc/kcore', 'tmpfs', 'pseudo'],
    ["masked with the node's", '0:6', '/null', '/proc/keys', 'devtmpfs', 'pseudo'],
    ['/dev/shm of its own', '0:98', '/', '/dev/shm', 'tmpfs', 'tmpfs'],
    ['/dev/shm of docker', '0:61', '/', '/dev/shm', 'tmpfs', 'tmpfs'],
    ['a tmpfs of its own', '0:97', '/', '/scratch', 'tmpfs', 'tmpfs'],
    ["the node's tmpfs", '0:70', '/x', '/scratch', 'tmpfs', 'hostPath'],
    ['fuse', '0:96', '/', '/data', 'fuse.sshfs', 'fuse'],
    ['fuse on a block device', '0:96', '/', '/data', 'fuseblk', 'fuse'],
    ['nfs', '0:95', '/', '/data', 'nfs4', 'network'],
    ['emptyDir', '8:1', `${pods}/${own}/volumes/kubernetes.io~empty-dir/work`, '/work', 'ext4', 'emptyDir'],
    ['emptyDir in memory', '0:51', '/', '/mem', 'tmpfs', 'emptyDir'],
    [
      'emptyDir, kubelet on a disk of its own',
      '8:2',
      `/kubelet/pods/${own}/volumes/kubernetes.io~empty-dir/w`,
      '/w',
      'ext4',
      'emptyDir',
    ],
    [
      'emptyDir by sub-path',
      '8:1',
      `${pods}/${own}/volumes/kubernetes.io~empty-dir/work/sub`,
      '/w',
      'ext4',
      'emptyDir',
    ],
    [
      "another pod's emptyDir",
      '8:1',
      `${pods}/${foreign}/volumes/kubernetes.io~empty-dir/work`,
      '/work',
      'ext4',
      'hostPath',
    ],
    ['all pods', '8:1', pods, '/pods', 'ext4', 'hostPath'],
    ['its own pod directory', '8:1', `${pods}/${own}`, '/pod', 'ext4', 'hostPath'],
    ['all its volumes', '8:1', `${pods}/${own}/volumes`, '/pod', 'ext4', 'hostPath'],
    ['secret', '0:50', '/', '/var/run/secrets', 'tmpfs', 'secret'],
    ['a file of a secret by sub-path', '0:50', '/..data/key', '/key', 'tmpfs', 'secret'],
    ['projected', '0:52', '/', '/var/run/secrets/kubernetes.io/serviceaccount', 'tmpfs', 'projected'],
    ['configMap', '8:1', `${pods}/${own}/volumes/kubernetes.io~configmap/c`, '/etc/c', 'ext4', 'configMap'],
    ['downward API', '8:1', `${pods}/${own}/volumes/kubernetes.io~downward-api/c`, '/etc/c', 'ext4', 'downwardAPI'],
    ['csi', '8:9', '/', '/pv', 'xfs', 'csi'],
    ['csi by sub-path', '8:9', '/deep', '/pv', 'xfs', 'csi'],
    ['local volume', '8:8', '/', '/pv', 'ext4', 'volume'],
    ['hostPath', '8:1', '/data/host', '/data', 'ext4', 'hostPath'],
    ['the whole node', '8:1', '/', '/host', 'ext4', 'hostPath'],
    ["the node's other disk", '8:2', '/', '/host', 'ext4', 'hostPath'],
    ["another container's layer", '0:60', '/etc', '/x', 'overlay', 'hostPath'],
    ['etc-hosts', '8:1', `${pods}/${own}/etc-hosts`, '/etc/hosts', 'ext4', 'runtimeFile'],
    [
      'termination log',
      '8:1',
      `${pods}/${own}/containers/main/0a1b2c3d`,
      '/dev/termination-log',
      'ext4',
      'runtimeFile',
    ],
    ["docker's hosts", '8:1', `/var/lib/docker/containers/${id}/hosts`, '/etc/hosts', 'ext4', 'runtimeFile'],
    ["docker's hosts elsewhere", '8:1', `/var/lib/docker/containers/${id}/hosts`, '/x', 'ext4', 'hostPath'],
    [
      "containerd's resolv.conf",
      '8:1',
      `/var/lib/containerd/io.containerd.grpc.v1.cri/sandboxes/${id}/resolv.conf`,
      '/etc/resolv.conf',
      'ext4',
      'runtimeFile',
    ],
    [
      "CRI-O's hostname",
      '0:70',
      `/containers/storage/overlay-containers/${id}/userdata/hostname`,
      '/etc/hostname',
      'tmpfs',
      'runtimeFile',
    ],
    ['a named volume', '8:1', '/var/lib/docker/volumes/data/_data', '/data', 'ext4', 'volume'],
    ['a part of a named volume', '8:1', '/var/lib/docker/volumes/data/_data/sub', '/data', 'ext4', 'volume'],
    [
      'a look-alike of a pod directory',
      '8:1',
      `/evil${pods}/${own}/volumes/kubernetes.io~empty-dir/x`,
      '/x',
      'ext4',
      'hostPath',
    ],
    [
      'a prefix that is no directory',
      '8:1',
      `${pods}/${own}x/volumes/kubernetes.io~empty-dir/x`,
      '/x',
      'ext4',
      'hostPath',
    ],
    ['not to be found on the node', '8:77', '/', '/x', 'ext4', 'hostPath'],
  ])('%s', (_, dev, root, mountPoint, fsType, kind) => {
    const entry = {
      mountId: 7,
      parentId: 1,
      dev,
      root,
      mountPoint,
      readOnly: false,
      fsType,
      source: 'x',
      superOptions: [],
    };
    expect(classifyMount(entry, node, own)).toMatchObject({ mountPoint, mountId: 7, fsType, kind });
  });

  test('the name of a volume is told', () => {
    const entry = parseMountInfo('1 0 0:51 / /mem rw - tmpfs tmpfs rw').map((one) => classifyMount(one, node, own));
    expect(entry[0]?.volume).toBe('memory');
  });

  test('without a pod there is no volume of a pod', () => {
    const [entry] = parseMountInfo('1 0 0:51 / /mem rw - tmpfs tmpfs rw');
    expect(entry && classifyMount(entry, node, undefined).kind).toBe('hostPath');
  });

  test('what was mounted over the root is not the root, nor is its layer', () => {
    const root = '1 0 8:1 /some/root / rw - ext4 /dev/sda1 rw';
    const over = [
      '2 1 8:1 /data / rw - ext4 /dev/sda1 rw',
      '3 2 0:60 / / rw - overlay o rw',
      '4 1 0:60 / /x rw - overlay o rw',
    ];
    const kinds = (lines: readonly string[], rootMountId: number) =>
      classifyMounts(parseMountInfo(lines.join('\n')), node, own, rootMountId).map((mount) => mount.kind);
    expect(kinds([root, ...over], 1)).toEqual(['rootfs', 'hostPath', 'hostPath', 'hostPath']);
    expect(kinds([...over, root], 1)).toEqual(['hostPath', 'hostPath', 'hostPath', 'rootfs']);
    expect(kinds([root, ...over], 4)).toEqual(['hostPath', 'hostPath', 'hostPath', 'hostPath']);
  });

  test("a container's own layer bound elsewhere is its layer", () => {
    const entries = parseMountInfo(
      '1 0 0:60 / / rw - overlay o rw\n2 1 0:60 /etc /srv rw - overlay o rw\n3 1 0:61 /etc /other rw - overlay o rw',
    );
    expect(classifyMounts(entries, node, own, 1).map((mount) => mount.kind)).toEqual(['rootfs', 'rootfs', 'hostPath']);
  });
});

/** Mounts as a runtime makes them, then a root of its own; the arguments are the new root and the kubelet's directory. */
const script = `set -e
mount -t tmpfs layer "$1"
mkdir -p "$1/usr" "$1/proc" "$1/dev" "$1/work" "$1/mem" "$1/token" "$1/scratch" "$1/host" "$1/etc"
ln -s usr/bin usr/lib usr/lib64 "$1/"
touch "$1/etc/hosts"
mount --rbind /usr "$1/usr"
mount -t proc proc "$1/proc"
mount -t tmpfs dev "$1/dev"
mount -t tmpfs scratch "$1/scratch"
mount --bind "$2/pods/$3/volumes/kubernetes.io~empty-dir/work" "$1/work"
mount --bind "$2/pods/$3/volumes/kubernetes.io~empty-dir/mem" "$1/mem"
mount --bind "$2/pods/$3/volumes/kubernetes.io~secret/token" "$1/token"
mount --bind "$2/pods/$3/etc-hosts" "$1/etc/hosts"
mount --bind "$2" "$1/host"
echo ready
exec chroot "$1" sleep 1000`;

test('the mounts of a real process in its own root', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'podhand-mounts-'));
  const root = join(folder, 'root');
  const kubelet = join(folder, 'kubelet');
  const volumes = join(kubelet, 'pods', own, 'volumes');
  for (const place of [
    root,
    join(volumes, 'kubernetes.io~empty-dir/work'),
    join(volumes, 'kubernetes.io~empty-dir/mem'),
    join(volumes, 'kubernetes.io~secret/token'),
  ]) {
    mkdirSync(place, { recursive: true });
  }
  execFileSync('touch', [join(kubelet, 'pods', own, 'etc-hosts')]);
  const inMemory = [join(volumes, 'kubernetes.io~empty-dir/mem'), join(volumes, 'kubernetes.io~secret/token')];
  for (const place of inMemory) execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', place]);
  const child = spawn('unshare', ['--mount', '--propagation=private', 'sh', '-c', script, 'sh', root, kubelet, own]);
  let rootFd: number | undefined;
  try {
    await once(child.stdout, 'data');
    while (!existsSync(`/proc/${child.pid}/root/work`) || existsSync(`/proc/${child.pid}/root/tmp`)) {
      expect(child.exitCode, 'the process set up its mounts').toBeNull();
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    const entries = parseMountInfo(readFileSync(`/proc/${child.pid}/mountinfo`, 'utf8'));
    const host = { kubeletDirectory: kubelet, entries: parseMountInfo(readFileSync('/proc/self/mountinfo', 'utf8')) };
    rootFd = openSync(`/proc/${child.pid}/root`, constants.O_DIRECTORY | O_PATH);
    const mounts = classifyMounts(entries, host, own, statx(rootFd).mountId);
    expect(Object.fromEntries(mounts.map((mount) => [mount.mountPoint, mount.kind]))).toMatchObject({
      '/': 'rootfs',
      '/usr': 'hostPath',
      '/proc': 'pseudo',
      '/dev': 'pseudo',
      '/scratch': 'tmpfs',
      '/work': 'emptyDir',
      '/mem': 'emptyDir',
      '/token': 'secret',
      '/etc/hosts': 'runtimeFile',
      '/host': 'hostPath',
    });
    for (const mount of mounts) {
      const fd = openat2(rootFd, Buffer.from(mount.mountPoint), { flags: O_PATH, resolve: RESOLVE_IN_ROOT });
      expect(statx(fd).mountId, mount.mountPoint).toBe(mount.mountId);
      closeSync(fd);
    }
  } finally {
    if (rootFd !== undefined) closeSync(rootFd);
    child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    for (const place of inMemory) execFileSync('umount', [place]);
    rmSync(folder, { recursive: true });
  }
});
