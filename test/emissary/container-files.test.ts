import { describe, expect, it } from 'vitest';
import { ContainerFiles } from '../../src/emissary/container-files.ts';
import { nodeFiles } from './node-files.ts';
import { SharedVolume } from './shared-volume.ts';

describe('the files of a container', () => {
  it('are free of what an earlier run has left, its exit code last', async () => {
    await using volume = new SharedVolume();
    const left = ['stdout', 'stderr', 'combined', 'collected', 'record', 'exitcode'];
    for (const name of left) volume.write(`ctr/main/${name}`, 'old');
    const removed: string[] = [];
    const remove = (path: string) => {
      removed.push(path.slice(path.lastIndexOf('/') + 1));
      nodeFiles.remove(path);
    };
    new ContainerFiles({ ...nodeFiles, remove }, volume.path, 'main');
    expect(left.filter((name) => volume.has(`ctr/main/${name}`))).toEqual([]);
    const own = removed.filter((name) => left.includes(name));
    expect(own.at(-1)).toBe('exitcode');
    expect([...own].sort()).toEqual([...left].sort());
  });

  it.each([
    ['5000', 5000],
    ['0', 0],
    [' 250\n', 250],
    ['600000', 60_000],
    ['999999999', 60_000],
    ['', undefined],
    ['soon', undefined],
    ['-1', undefined],
    ['1e3', undefined],
  ])('stay for an agent that says "%s": %s ms', async (text, expected) => {
    await using volume = new SharedVolume();
    const files = new ContainerFiles(nodeFiles, volume.path, 'main');
    expect(files.collectWithinMs()).toBeUndefined();
    volume.write('agent', text);
    expect(files.collectWithinMs()).toBe(expected);
  });
});
