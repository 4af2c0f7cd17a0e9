import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createNodeLogs } from '../../src/agent/logs/node-logs.ts';
import type { Container } from '../../src/agent/pods/model.ts';
import { attackOn } from '../attacks/attack.ts';
import { gather, record, textOf, WrittenLog } from './written-log.ts';

const attack = attackOn('shared');

const secret = record('cri', { stream: 'stdout', text: 'not for this pod\n' });

describe('a log directory that was tampered with', () => {
  let log: WrittenLog;
  let elsewhere: string;

  beforeEach(async () => {
    log = await WrittenLog.make('cri');
    elsewhere = await mkdtemp(join(tmpdir(), 'podhand-elsewhere-'));
    await mkdir(join(elsewhere, 'main'));
    await writeFile(join(elsewhere, 'secret'), secret);
    await writeFile(join(elsewhere, 'main', '0.log'), secret);
  });
  afterEach(async () => {
    await log.remove();
    await rm(elsewhere, { recursive: true });
  });

  const refused = async () => {
    const failure = await gather(log.read()).catch((error: unknown) => error);
    expect(failure).toMatchObject({ reason: 'LOGS_UNAVAILABLE' });
    expect(String(failure)).not.toContain(elsewhere);
  };

  attack(52, 'does not follow a link in the place of the log', async () => {
    await symlink(join(elsewhere, 'secret'), log.path);
    await refused();
  });

  attack(52, 'does not follow a link in the place of the container directory', async () => {
    await rm(log.directory, { recursive: true });
    await symlink(join(elsewhere, 'main'), log.directory);
    await refused();
  });

  attack(52, 'does not follow a link in the place of the pod directory', async () => {
    const podDirectory = dirname(log.directory);
    await rename(podDirectory, join(elsewhere, 'moved'));
    await symlink(elsewhere, podDirectory);
    await refused();
  });

  attack(52, 'does not follow a link in the place of a rotated file', async () => {
    await writeFile(log.path, record('cri', { stream: 'stdout', text: 'own\n' }));
    await symlink(join(elsewhere, 'secret'), `${log.path}.20240101-000000`);
    await symlink(join(elsewhere, 'secret'), `${log.path}.20240102-000000.gz`);
    expect(textOf(await gather(log.read()))).toBe('own\n');
  });

  it('does not wait at a FIFO, nor read a directory', async () => {
    execFileSync('mkfifo', [`${log.path}.20240101-000000`]);
    await mkdir(`${log.path}.20240102-000000`);
    await writeFile(log.path, record('cri', { stream: 'stdout', text: 'own\n' }));
    expect(textOf(await gather(log.read()))).toBe('own\n');
    await rm(log.path);
    execFileSync('mkfifo', [log.path]);
    await refused();
  });

  attack(52, 'reads no path outside of the configured directories', async () => {
    const paths = [
      join(elsewhere, 'secret'),
      join(log.root, '..', 'secret'),
      join(log.root, 'a', '..', '..', 'main', '0.log'),
      join(log.root, '0.log'),
      `${log.root}x/a/b/0.log`,
    ];
    for (const logPath of paths) {
      const container: Container = { ...log.container, logPath };
      log.store.put({ uid: container.podUid, namespace: 'default', name: 'steps' }, container);
      await refused();
    }
  });
});

describe("a kubelet's log that is a link to docker's", () => {
  const id = 'c'.repeat(64);
  const other = 'd'.repeat(64);
  let root: string;
  let log: WrittenLog;

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'podhand-docker-'));
    log = await WrittenLog.make('cri', id);
    for (const one of [id, other]) {
      await mkdir(join(root, one));
      const text = record('docker-json', { stream: 'stdout', text: `of ${one}\n` });
      await writeFile(join(root, one, `${one}-json.log`), text);
    }
  });
  afterEach(async () => {
    await log.remove();
    await rm(root, { recursive: true });
  });

  const read = (docker?: string) => {
    const roots = { pods: log.root, ...(docker !== undefined && { docker }) };
    const role = createNodeLogs({ store: log.store, roots });
    return gather(role.read(log.container, { follow: false, timestamps: false }, new AbortController().signal));
  };

  it('is read, with its rotated files', async () => {
    await symlink(join(root, id, `${id}-json.log`), log.path);
    const older = record('docker-json', { stream: 'stdout', text: 'older\n' });
    await writeFile(join(root, id, `${id}-json.log.1`), older);
    expect(textOf(await read(root))).toBe(`older\nof ${id}\n`);
  });

  attack.each([
    ["another container's", join(other, `${other}-json.log`)],
    ['a neighbour of the log', join(id, 'config.v2.json')],
    ['a way out and back', join('..', 'x', id, `${id}-json.log`)],
  ])(52, 'is refused where it points to %s', async (_, target) => {
    await symlink(`${root}/${target}`, log.path);
    await expect(read(root)).rejects.toMatchObject({ reason: 'LOGS_UNAVAILABLE' });
  });

  it("is refused where docker's directory is not configured", async () => {
    await symlink(join(root, id, `${id}-json.log`), log.path);
    await expect(read()).rejects.toMatchObject({ reason: 'LOGS_UNAVAILABLE' });
  });
});
