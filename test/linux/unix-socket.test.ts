import { closeSync, existsSync, lstatSync, mkdtempSync, openSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { hasPeerPidfd, peerCredentials } from '../../src/agent/linux/socket-calls.ts';
import { accept, bindPath, connectPath, listen, unixStreamSocket } from '../../src/agent/linux/unix-socket.ts';

let directory: string;
let fds: number[];
const socket = () => {
  const fd = unixStreamSocket();
  fds.push(fd);
  return fd;
};
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'podhand-socket-'));
  fds = [];
});
afterEach(() => {
  for (const fd of fds) closeSync(fd);
  rmSync(directory, { recursive: true });
});

function codeOf(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return (error as { code?: unknown }).code;
  }
  return 'OK';
}

describe('unix sockets by system call', () => {
  test('listen, connect, accept; the peer is this process', () => {
    const path = join(directory, 'a.sock');
    const server = socket();
    bindPath(server, path);
    expect(codeOf(() => connectPath(socket(), path))).toBe('ECONNREFUSED');
    listen(server, 1);
    expect(codeOf(() => accept(server))).toBe('EAGAIN');
    connectPath(socket(), path);
    const accepted = accept(server);
    fds.push(accepted);
    expect(peerCredentials(accepted)).toMatchObject({ pid: process.pid, uid: 0 });
  });

  test('a full backlog is told and never waited for', () => {
    const path = join(directory, 'full.sock');
    const server = socket();
    bindPath(server, path);
    listen(server, 0);
    connectPath(socket(), path);
    expect(codeOf(() => connectPath(socket(), path))).toBe('EAGAIN');
  });

  test('bind follows no link and takes nothing’s place', () => {
    const target = join(directory, 'target');
    const path = join(directory, 'link.sock');
    symlinkSync(target, path);
    expect(codeOf(() => bindPath(socket(), path))).toBe('EADDRINUSE');
    expect(existsSync(target)).toBe(false);
    writeFileSync(target, '');
    expect(codeOf(() => bindPath(socket(), target))).toBe('EADDRINUSE');
    expect(lstatSync(target).isFile()).toBe(true);
  });

  test('a path that is too long, empty, or has a NUL is refused; through a descriptor any directory fits', () => {
    expect(codeOf(() => bindPath(socket(), `/tmp/${'x'.repeat(120)}`))).toBe('ENAMETOOLONG');
    expect(codeOf(() => bindPath(socket(), ''))).toBe('EINVAL');
    expect(codeOf(() => connectPath(socket(), '/tmp/a\0b'))).toBe('EINVAL');
    const fd = openSync(directory, 'r');
    fds.push(fd);
    bindPath(socket(), `/proc/self/fd/${fd}/b.sock`);
    expect(lstatSync(join(directory, 'b.sock')).isSocket()).toBe(true);
  });

  test('this kernel has SO_PEERPIDFD', () => {
    expect(hasPeerPidfd(socket())).toBe(true);
  });
});
