import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, writeSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { EPOLLIN } from '../../src/agent/linux/constants.ts';
import { epollAdd, epollCreate, epollDelete, epollWait, eventfd } from '../../src/agent/linux/epoll.ts';
import { pidfdExited, pidfdGetInfo, pidfdOpen, pidfdSendSignal } from '../../src/agent/linux/pidfd-calls.ts';
import { peerCredentials, peerPidfd } from '../../src/agent/linux/socket-calls.ts';

const closing: number[] = [];
afterEach(() => {
  for (const fd of closing.splice(0)) closeSync(fd);
});

function pidfdOf(child: ChildProcess): number {
  const pidfd = pidfdOpen(child.pid ?? 0);
  closing.push(pidfd);
  return pidfd;
}

describe('pidfd', () => {
  test('a signal reaches the process, then its end is known', async () => {
    const child = spawn('sleep', ['1000']);
    const pidfd = pidfdOf(child);
    expect(pidfdExited(pidfd)).toBe(false);
    const alive = pidfdGetInfo(pidfd);
    expect(alive).toMatchObject({ reaped: false, ids: { pid: child.pid, ppid: process.pid, euid: 0 } });
    expect(alive?.waitStatus).toBeUndefined();
    pidfdSendSignal(pidfd, 15);
    await once(child, 'exit');
    expect(pidfdExited(pidfd)).toBe(true);
    expect(pidfdGetInfo(pidfd)).toMatchObject({ reaped: true, waitStatus: 15, cgroupId: alive?.cgroupId });
    expect(() => pidfdSendSignal(pidfd, 15)).toThrow('ESRCH');
    expect(() => pidfdOpen(child.pid ?? 0)).toThrow('ESRCH');
  });

  test('the exit code of a process is in its wait status', async () => {
    const child = spawn('sh', ['-c', 'read x; exit 64'], { stdio: ['pipe', 'ignore', 'ignore'] });
    const pidfd = pidfdOf(child);
    child.stdin?.end('\n');
    await once(child, 'exit');
    expect(pidfdGetInfo(pidfd)?.waitStatus).toBe(64 << 8);
  });

  test('a closed descriptor is an error, not a live process', () => {
    expect(() => pidfdExited(99_999)).toThrow('EBADF');
  });
});

describe('epoll', () => {
  test('tells what is ready by its token, also a large one', () => {
    const epfd = epollCreate();
    const counters = [eventfd(), eventfd(), eventfd()];
    closing.push(epfd, ...counters);
    const tokens = [1, 2 ** 32 + 7, 2 ** 52 + 1];
    for (const [index, fd] of counters.entries()) epollAdd(epfd, fd, EPOLLIN, tokens[index] ?? 0);
    expect(epollWait(epfd, 8, 0)).toEqual([]);
    for (const fd of counters.slice(1)) writeSync(fd, new BigUint64Array([1n]));
    expect(epollWait(epfd, 8, 0)).toEqual([
      { token: 2 ** 32 + 7, events: EPOLLIN },
      { token: 2 ** 52 + 1, events: EPOLLIN },
    ]);
    epollDelete(epfd, counters[1] ?? 0);
    expect(epollWait(epfd, 8, 0).map((event) => event.token)).toEqual([2 ** 52 + 1]);
    expect(() => epollAdd(epfd, counters[0] ?? 0, EPOLLIN, 9)).toThrow('EEXIST');
  });
});

describe('peers of a unix socket', () => {
  test('credentials and pidfd, with no descriptor left over', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'podhand-peer-'));
    const server = createServer().listen(join(folder, 's'));
    await once(server, 'listening');
    const client = connect(join(folder, 's'));
    const [socket] = await once(server, 'connection');
    const fd: number = socket._handle.fd;
    expect(peerCredentials(fd)).toEqual({ pid: process.pid, uid: process.getuid?.(), gid: process.getgid?.() });
    const before = readdirSync('/proc/self/fd').length;
    const pidfd = peerPidfd(fd);
    expect(pidfd, 'SO_PEERPIDFD needs Linux 6.5').toBeDefined();
    if (pidfd !== undefined) {
      expect(pidfdGetInfo(pidfd)?.ids?.pid).toBe(process.pid);
      closeSync(pidfd);
    }
    expect(readdirSync('/proc/self/fd').length).toBe(before);
    client.destroy();
    server.close();
    rmSync(folder, { recursive: true });
  });

  test('a peer that has gone is still itself', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'podhand-peer-'));
    const place = join(folder, 's');
    const server = createServer({ pauseOnConnect: true }).listen(place);
    await once(server, 'listening');
    const script = `require('net').connect(${JSON.stringify(place)}, () => process.exit(3))`;
    const child = spawn(process.execPath, ['-e', script]);
    const [[socket]] = await Promise.all([once(server, 'connection'), once(child, 'exit')]);
    const pidfd = peerPidfd(socket._handle.fd);
    expect(peerCredentials(socket._handle.fd).pid).toBe(child.pid);
    if (pidfd !== undefined) {
      closing.push(pidfd);
      expect(pidfdExited(pidfd)).toBe(true);
      expect(pidfdGetInfo(pidfd)?.reaped).toBe(true);
    }
    socket.destroy();
    server.close();
    rmSync(folder, { recursive: true });
  });
});

test('descriptors do not reach children', async () => {
  const epfd = epollCreate();
  const counter = eventfd();
  closing.push(epfd, counter);
  const child = spawn('sleep', ['1000']);
  const pidfd = pidfdOf(child);
  // Until it has become `sleep`, it is a copy of this process that is closing its descriptors.
  await expect.poll(() => readFileSync(`/proc/${child.pid}/comm`, 'utf8')).toBe('sleep\n');
  const links = readdirSync(`/proc/${child.pid}/fd`).map((fd) => readlinkSync(`/proc/${child.pid}/fd/${fd}`));
  expect(links.filter((link) => /eventpoll|eventfd|pidfd/.test(link))).toEqual([]);
  pidfdSendSignal(pidfd, 9);
  await once(child, 'exit');
});
