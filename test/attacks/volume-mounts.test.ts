import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect } from 'vitest';
import { MountPolicy } from '../../src/agent/files/mounts.ts';
import { Opener, openDescriptors } from '../../src/agent/files/resolve.ts';
import { O_DIRECTORY, O_PATH } from '../../src/agent/linux/constants.ts';
import { ownMount } from '../../src/agent/linux/own-mount.ts';
import { attackOn } from './attack.ts';
import { startPython } from './python-process.ts';

let volume: string;
let stop: () => Promise<void>;
beforeEach(async () => {
  volume = mkdtempSync(join(tmpdir(), 'podhand-volume-'));
  writeFileSync(join(volume, 'plain'), 'plain');
  mkdirSync(join(volume, 'fuse'));
  symlinkSync('fuse/x', join(volume, 'link'));
  stop = await startPython('fuse-mount.py', String(process.pid), join(volume, 'fuse'));
});
afterEach(async () => {
  await stop();
  rmSync(volume, { recursive: true });
});

attackOn('shared')(36, 'a FUSE mount within a volume: its server is asked nothing, however it is reached', () => {
  const descriptors = openDescriptors();
  const opener = new Opener(descriptors);
  const rootFd = openSync(volume, O_PATH | O_DIRECTORY);
  const mount = ownMount(rootFd);
  const policy = new MountPolicy(mount === undefined ? [] : [{ ...mount, kind: 'emptyDir' }], ['emptyDir']);
  const open = (path: string) => {
    const place = { rootFd, volume: { name: Buffer.from('volume') } };
    const { fd } = opener.openFile(place, Buffer.from(path), policy);
    closeSync(fd);
  };
  try {
    // A lookup there would never return.
    for (const path of ['/fuse', '/fuse/x']) {
      expect(() => open(path)).toThrow(expect.objectContaining({ reason: 'MOUNT_REFUSED' }));
    }
    expect(() => open('/link')).toThrow(expect.objectContaining({ reason: 'LINK_LEAVES_VOLUME' }));
    open('/plain');
  } finally {
    closeSync(rootFd);
    closeSync(descriptors);
  }
});
