import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { must } from '../node/processes.ts';
import { builtEmissary, runEmissary, runScript } from './running.ts';
import { SharedVolume } from './shared-volume.ts';

beforeAll(builtEmissary);

/** A tree of the "image", and the volume. */
class Outputs implements AsyncDisposable {
  readonly volume = new SharedVolume();
  readonly tree = new SharedVolume();

  template(parameters: readonly string[], artifacts: readonly string[], more: object = {}): void {
    this.volume.template({
      outputs: {
        parameters: parameters.map((name) => ({ name: 'p', valueFrom: { path: this.tree.at(name) } })),
        artifacts: artifacts.map((name) => ({ name: 'a', path: this.tree.at(name) })),
      },
      ...more,
    });
  }

  saved(kind: 'parameters' | 'artifacts', name: string): string {
    return `outputs/${kind}${this.tree.at(name)}`;
  }

  /** Unpacks an artifact with GNU tar; gives the directory. */
  async unpacked(name: string): Promise<SharedVolume> {
    const place = new SharedVolume();
    await must(['tar', '-xzpf', this.volume.at(`${this.saved('artifacts', name)}.tgz`), '-C', place.path]);
    return place;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.volume[Symbol.asyncDispose]();
    await this.tree[Symbol.asyncDispose]();
  }
}

describe('output parameters', () => {
  it('are copied as they are, whole, and only where they exist', async () => {
    await using outputs = new Outputs();
    outputs.template(['value', 'empty', 'missing'], []);
    const { tree, volume } = outputs;
    const script = `printf 'v\\n\\n' > ${tree.at('value')}; : > ${tree.at('empty')}`;
    expect((await runScript(script, ['--dir', volume.path])).exitCode).toBe(0);
    expect(volume.read(outputs.saved('parameters', 'value'))).toBe('v\n\n');
    expect(volume.read(outputs.saved('parameters', 'empty'))).toBe('');
    expect(volume.has(outputs.saved('parameters', 'missing'))).toBe(false);
  });

  it('are saved after a failure too, with its exit code', async () => {
    await using outputs = new Outputs();
    outputs.template(['value'], []);
    const script = `echo v > ${outputs.tree.at('value')}; exit 3`;
    expect((await runScript(script, ['--dir', outputs.volume.path])).exitCode).toBe(3);
    expect(outputs.volume.read(outputs.saved('parameters', 'value'))).toBe('v\n');
  });

  it('are saved for the container main alone', async () => {
    await using outputs = new Outputs();
    outputs.template(['value'], []);
    await runScript(`echo v > ${outputs.tree.at('value')}`, ['--dir', outputs.volume.path, '--container', 'sidecar']);
    expect(outputs.volume.has('outputs')).toBe(false);
  });

  it('that cannot be read are the emissary’s failure, and all others are saved', async () => {
    await using outputs = new Outputs();
    outputs.template(['bad', 'fifo', 'good'], ['good']);
    const { tree, volume } = outputs;
    const script = `mkdir ${tree.at('bad')}; mkfifo ${tree.at('fifo')}; echo v > ${tree.at('good')}`;
    const { exitCode, stderr } = await runScript(script, ['--dir', volume.path]);
    expect(exitCode).toBe(64);
    expect(stderr.toString()).toMatch(/parameter \S+\/bad was not saved.*parameter \S+\/fifo was not saved/s);
    expect(volume.record()).toMatchObject({
      source: 'emissary',
      reason: 'OUTPUTS_NOT_SAVED',
      command: { exitCode: 0 },
    });
    expect(volume.read(outputs.saved('parameters', 'good'))).toBe('v\n');
    expect(volume.has(`${outputs.saved('artifacts', 'good')}.tgz`)).toBe(true);
  });
});

describe('output artifacts', () => {
  it('are trees: modes, links, empty directories, long and foreign names; nothing that would block', async () => {
    await using outputs = new Outputs();
    outputs.template([], ['tree']);
    const { tree } = outputs;
    const long = `tree/${'a-long-directory-name/'.repeat(12)}file`;
    tree.write('tree/file', 'content');
    fs.chmodSync(tree.at('tree/file'), 0o640);
    tree.write(long, 'deep');
    tree.write('tree/ünïcödé ☃', 'name');
    tree.write('tree/block', 'b'.repeat(512));
    fs.mkdirSync(tree.at('tree/empty'));
    fs.symlinkSync('file', tree.at('tree/link'));
    fs.symlinkSync('/nothing/here', tree.at('tree/dangling'));
    await must(['mkfifo', tree.at('tree/fifo')]);
    expect((await runEmissary(['--dir', outputs.volume.path, '--', 'true'])).exitCode).toBe(0);
    await using got = await outputs.unpacked('tree');
    expect(fs.readdirSync(got.at('tree')).sort()).toEqual(
      ['a-long-directory-name', 'block', 'dangling', 'empty', 'file', 'link', 'ünïcödé ☃'].sort(),
    );
    expect(got.read('tree/file')).toBe('content');
    expect(fs.statSync(got.at('tree/file')).mode & 0o777).toBe(0o640);
    expect(got.read(long)).toBe('deep');
    expect(got.read('tree/ünïcödé ☃')).toBe('name');
    expect(fs.readlinkSync(got.at('tree/link'))).toBe('file');
    expect(fs.readlinkSync(got.at('tree/dangling'))).toBe('/nothing/here');
  });

  it('are single files of any size, byte by byte', async () => {
    await using outputs = new Outputs();
    outputs.template([], ['file']);
    const content = Buffer.concat(Array.from({ length: 40 }, (_, index) => Buffer.alloc(65_537, index * 7)));
    fs.writeFileSync(outputs.tree.at('file'), content);
    expect((await runEmissary(['--dir', outputs.volume.path, '--', 'true'])).exitCode).toBe(0);
    await using got = await outputs.unpacked('file');
    const digest = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
    expect(digest(fs.readFileSync(got.at('file')))).toBe(digest(content));
  });

  it('do not leave half a file on a full volume', async () => {
    await using outputs = new Outputs();
    await using volume = await SharedVolume.ofSize(256 * 1024);
    fs.writeFileSync(outputs.tree.at('big'), Buffer.alloc(1_000_000, 1));
    volume.template({ outputs: { artifacts: [{ name: 'a', path: outputs.tree.at('big') }] } });
    const { exitCode, stderr } = await runEmissary(['--dir', volume.path, '--', 'true']);
    expect(exitCode).toBe(64);
    expect(stderr.toString()).toContain('the shared volume is full');
    expect(volume.read('ctr/main/exitcode')).toBe('64');
    expect(fs.readdirSync(volume.at(`outputs/artifacts${outputs.tree.path}`))).toEqual([]);
  });
});

describe('what others can read for themselves', () => {
  it('is not copied: what lies on a volume of the template', async () => {
    await using outputs = new Outputs();
    const { tree, volume } = outputs;
    outputs.template(['mnt/value', 'mnt2/value'], ['mnt', 'mnt/x/../below'], {
      container: { volumeMounts: [{ name: 'v', mountPath: `${tree.at('mnt')}/` }] },
    });
    for (const name of ['mnt/value', 'mnt/below', 'mnt2/value']) tree.write(name, 'v');
    expect((await runEmissary(['--dir', volume.path, '--', 'true'])).exitCode).toBe(0);
    expect(volume.has(outputs.saved('parameters', 'mnt/value'))).toBe(false);
    expect(volume.read(outputs.saved('parameters', 'mnt2/value'))).toBe('v');
    expect(volume.has('outputs/artifacts')).toBe(false);
  });

  it('is an input artifact that is mounted; one that was not given is the container’s own path', async () => {
    await using outputs = new Outputs();
    const { tree, volume } = outputs;
    const artifacts = ['mounted', 'absent'].map((name) => ({ name, path: tree.at(name), optional: true }));
    outputs.template(['mounted/value', 'absent'], [], { inputs: { artifacts } });
    for (const name of ['mounted/value', 'absent']) tree.write(name, 'v');
    await must(['mount', '--bind', tree.at('mounted'), tree.at('mounted')]);
    try {
      expect((await runEmissary(['--dir', volume.path, '--', 'true'])).exitCode).toBe(0);
    } finally {
      await must(['umount', tree.at('mounted')]);
    }
    expect(volume.has(outputs.saved('parameters', 'mounted/value'))).toBe(false);
    expect(volume.read(outputs.saved('parameters', 'absent'))).toBe('v');
  });
});
