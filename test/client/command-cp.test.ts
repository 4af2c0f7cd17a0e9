import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Handlers, ScriptedAgent, type Streaming, stream } from './scripted-agent.ts';
import { archive, entry } from './tar-archives.ts';

let agent: ScriptedAgent;

beforeEach(() => {
  agent = new ScriptedAgent();
});

afterEach(() => {
  agent[Symbol.dispose]();
});

function artifact(bytes: Buffer, changes: { sha256?: Buffer; type?: string; trailer?: boolean } = {}): Handlers {
  const sha256 = changes.sha256 ?? createHash('sha256').update(bytes).digest();
  const messages: object[] = [
    { header: { info: { type: changes.type ?? 'FILE_TYPE_DIRECTORY', size: 1 } } },
    { chunk: bytes.subarray(0, 300) },
    { chunk: bytes.subarray(300) },
  ];
  if (changes.trailer !== false)
    messages.push({ trailer: { size: bytes.length, contentBytes: 5, entries: 2, sha256, skipped: { sockets: 1 } } });
  return { CollectArtifact: stream(...messages) };
}

const tree = archive(entry({ name: 'out/', type: '5' }), entry({ name: 'out/f', content: 'hello' }));
const file = archive(entry({ name: 'f', content: 'hello' }));

test('cp: a tree to a new place, and into a directory that exists', async () => {
  await agent.start(artifact(tree));
  const { code, stdout, stderr } = await agent.run('cp', 'main:/tmp/out', './new');
  expect([code, stdout.toString()]).toEqual([0, '']);
  expect(stderr).toBe('podhand: ./new: 2 entries, 5; left out: 1 sockets\n');
  expect(readFileSync(join(agent.directory, 'new/f'), 'utf8')).toBe('hello');
  mkdirSync(join(agent.directory, 'there'));
  await agent.run('cp', 'main:/tmp/out/', './there', '-q');
  expect(readFileSync(join(agent.directory, 'there/out/f'), 'utf8')).toBe('hello');
});

test('cp: a file replaces a file, or a link, and not what the link points to', async () => {
  await agent.start(artifact(file, { type: 'FILE_TYPE_REGULAR' }));
  writeFileSync(join(agent.directory, 'elsewhere'), 'mine');
  symlinkSync('elsewhere', join(agent.directory, 'f'));
  expect((await agent.run('cp', '-c', 'main', '/tmp/f', 'f')).code).toBe(0);
  expect(readFileSync(join(agent.directory, 'f'), 'utf8')).toBe('hello');
  expect(readFileSync(join(agent.directory, 'elsewhere'), 'utf8')).toBe('mine');
});

test('cp: a directory is replaced only with --overwrite', async () => {
  await agent.start(artifact(tree));
  mkdirSync(join(agent.directory, 'd/out'), { recursive: true });
  writeFileSync(join(agent.directory, 'd/out/old'), '');
  const refused = await agent.run('cp', 'main:/tmp/out', 'd');
  expect([refused.code, refused.stderr.includes('DESTINATION_EXISTS')]).toEqual([64, true]);
  expect(readdirSync(join(agent.directory, 'd/out'))).toEqual(['old']);
  expect((await agent.run('cp', 'main:/tmp/out', 'd', '--overwrite')).code).toBe(0);
  expect(readdirSync(join(agent.directory, 'd/out'))).toEqual(['f']);
});

test.each([
  ['a wrong sha256', artifact(tree, { sha256: Buffer.alloc(32) })],
  ['no trailer', artifact(tree, { trailer: false })],
  ['an archive that wants out', artifact(archive(entry({ name: '../out', content: 'x' })))],
])('cp: nothing appears, and nothing is left, after %s', async (_name, handlers) => {
  await agent.start(handlers);
  const before = readdirSync(agent.directory);
  for (const args of [['new'], ['new.tar', '--format', 'tar']]) {
    if (args.length > 1 && _name.startsWith('an archive')) continue;
    expect((await agent.run('cp', 'main:/tmp/out', ...args)).code).toBe(64);
    expect(readdirSync(agent.directory)).toEqual(before);
  }
});

test('cp: an archive to a file, or to stdout', async () => {
  await agent.start(artifact(tree));
  expect((await agent.run('cp', 'main:/tmp/out', '.', '--format', 'tar')).code).toBe(0);
  expect(readFileSync(join(agent.directory, 'out.tar'))).toEqual(tree);
  expect((await agent.run('cp', 'main:/tmp/out', '-')).stdout).toEqual(tree);
});

test('cp: a destination that cannot be', async () => {
  await agent.start(artifact(tree));
  const missing = await agent.run('cp', 'main:/tmp/out', 'no/such/place');
  expect([missing.code, missing.stderr.includes('INVALID_REQUEST')]).toEqual([64, true]);
  expect((await agent.run('cp', 'main:/tmp/out', 'no-such/')).code).toBe(64);
  expect((await agent.run('cp', 'main:/', '.')).code).toBe(64);
  expect(existsSync(join(agent.directory, 'no'))).toBe(false);
});

test('save: the destination is made absolute, the bytes of a name stay', async () => {
  const requests: Record<string, unknown>[] = [];
  await agent.start({
    SaveArtifact: (call: Streaming) => {
      requests.push(call.request);
      stream({ progress: { bytes: 1 } }, { result: { size: 5, entries: 1, sha256: Buffer.from([1, 2]) } })(call);
    },
  });
  const { code, stdout } = await agent.run(
    'save',
    'main:/tmp/x',
    'sub/x',
    '--format',
    'zst',
    '--level',
    '3',
    '--overwrite',
    '-o',
    'json',
  );
  expect([code, JSON.parse(stdout.toString())]).toMatchObject([0, { size: 5, sha256: '0102' }]);
  expect(requests[0]).toMatchObject({
    destination: Buffer.from(join(agent.directory, 'sub/x')),
    format: 'ARCHIVE_FORMAT_TAR_ZSTD',
    compressionLevel: 3,
    overwrite: true,
  });
});
