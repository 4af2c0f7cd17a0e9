import { createHash } from 'node:crypto';
import { copyFileSync, lstatSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { builtEmissary } from '../emissary/running.ts';
import { SharedVolume } from '../emissary/shared-volume.ts';
import { run } from '../node/processes.ts';
import { podhand } from './command-line.ts';

beforeAll(builtEmissary);

const digest = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex');

/** The binary with its sum, as `npm run build:emissary` leaves them. */
async function release(): Promise<SharedVolume & { binary: string }> {
  const place = new SharedVolume();
  copyFileSync(await builtEmissary(), place.at('emissary'));
  writeFileSync(place.at('emissary.sha256'), `${digest(place.at('emissary'))}  emissary\n`);
  return Object.assign(place, { binary: place.at('emissary') });
}

function init(binary: string, dir: string, ...more: string[]) {
  return podhand(['init', '--binary', binary, '--dir', dir, ...more]).done;
}

describe('podhand init', () => {
  it('puts the binary into the volume: executable for everybody, whole, and it runs', async () => {
    await using source = await release();
    await using volume = new SharedVolume();
    const { code, stdout } = await init(source.binary, volume.path, '-o', 'json');
    const answer = JSON.parse(stdout.toString()) as { sha256: string; written: boolean; milliseconds: number };
    expect([code, answer.written, answer.sha256]).toEqual([0, true, digest(source.binary)]);
    expect(readdirSync(volume.path)).toEqual(['podhand-emissary']);
    expect(statSync(volume.at('podhand-emissary')).mode & 0o7777).toBe(0o555);
    expect((await run([volume.at('podhand-emissary'), '--', 'sh', '-c', 'exit 3'])).exitCode).toBe(3);
  });

  it('leaves what is there and right, and replaces what is not, a link too', async () => {
    await using source = await release();
    await using volume = new SharedVolume();
    const installed = async () => JSON.parse((await init(source.binary, volume.path, '-o', 'json')).stdout.toString());
    expect(await installed()).toMatchObject({ written: true });
    expect(await installed()).toMatchObject({ written: false });
    await using other = new SharedVolume();
    other.write('victim', 'untouched');
    symlinkSync(other.at('victim'), other.at('podhand-emissary'));
    expect((await init(source.binary, other.path)).code).toBe(0);
    expect(other.read('victim')).toBe('untouched');
    expect(lstatSync(other.at('podhand-emissary')).isSymbolicLink()).toBe(false);
  });

  it('replaces a binary that runs, many at a time', async () => {
    await using source = await release();
    await using volume = new SharedVolume();
    volume.write('podhand-emissary', 'an older one');
    const all = await Promise.all(Array.from({ length: 6 }, () => init(source.binary, volume.path)));
    expect(all.map(({ code }) => code)).toEqual([0, 0, 0, 0, 0, 0]);
    expect(readdirSync(volume.path)).toEqual(['podhand-emissary']);
    expect(digest(volume.at('podhand-emissary'))).toBe(digest(source.binary));
  });

  it('installs nothing but what was built', async () => {
    await using source = await release();
    await using volume = new SharedVolume();
    writeFileSync(source.binary, Buffer.concat([readFileSync(source.binary), Buffer.of(0)]));
    const { code, stderr } = await init(source.binary, volume.path);
    expect([code, stderr]).toEqual([64, expect.stringContaining('CHECKSUM_MISMATCH')]);
    expect(readdirSync(volume.path)).toEqual([]);
  });

  it('leaves nothing on a volume that is full', async () => {
    await using source = await release();
    await using volume = await SharedVolume.ofSize(256 * 1024);
    const { code, stderr } = await init(source.binary, volume.path);
    expect([code, stderr]).toEqual([64, expect.stringContaining('NO_SPACE')]);
    expect(readdirSync(volume.path)).toEqual([]);
  });

  it.each([
    [['--binary', '/nothing/here'], 'npm run build:emissary'],
    [['--name', '../escape'], 'is a path'],
    [['--dir', '/nothing/here'], 'ENOENT'],
  ])('says what is wrong with %j', async (more, words) => {
    await using source = await release();
    await using volume = new SharedVolume();
    const { code, stderr } = await init(source.binary, volume.path, ...more);
    expect([code, stderr]).toEqual([64, expect.stringContaining(words)]);
  });

  it('asks ended containers to stay until an agent holds their files', async () => {
    await using source = await release();
    await using volume = new SharedVolume();
    expect((await init(source.binary, volume.path, '--collect-within', '1m')).code).toBe(0);
    const own = ['--dir', volume.path, '--container', 'main'];
    const running = run([volume.at('podhand-emissary'), ...own, '--', 'sh', '-c', 'exit 3']);
    await expect.poll(() => volume.has('ctr/main/exitcode'), { timeout: 10_000 }).toBe(true);
    expect(await Promise.race([running, Promise.resolve('stays')])).toBe('stays');
    volume.write('ctr/main/collected', '');
    expect((await running).exitCode).toBe(3);
  });

  it('puts a template there, with which containers run without an agent', async () => {
    await using source = await release();
    await using volume = new SharedVolume();
    source.write('template.json', JSON.stringify({ archiveLocation: { archiveLogs: true } }));
    expect((await init(source.binary, volume.path, '--template', source.at('template.json'))).code).toBe(0);
    expect(statSync(volume.at('template')).mode & 0o7777).toBe(0o444);
    await run([volume.at('podhand-emissary'), '--dir', volume.path, '--', 'echo', 'kept']);
    expect(volume.read('ctr/main/stdout')).toBe('kept\n');
    source.write('template.json', 'no JSON');
    const refused = await init(source.binary, volume.path, '--template', source.at('template.json'));
    expect([refused.code, refused.stderr]).toEqual([64, expect.stringContaining('no JSON')]);
  });
});
