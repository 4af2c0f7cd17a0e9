import { describe, expect, it } from 'vitest';
import { kubernetesArgv } from '../../src/agent/executors/entrypoint.ts';

const image = (entrypoint: string[], cmd: string[]) => ({ image: 'an-image', entrypoint, cmd });
const both = image(['/entry', 'a'], ['b', 'c']);
const shell = image(['/bin/sh', '-c', 'exec run "$HOME"'], []);

describe('the argv of command, args and an image', () => {
  it.each([
    ['neither: ENTRYPOINT and CMD', both, [], [], ['/entry', 'a', 'b', 'c']],
    ['args: ENTRYPOINT and args', both, [], ['x'], ['/entry', 'a', 'x']],
    ['command: neither ENTRYPOINT nor CMD', both, ['/cmd'], [], ['/cmd']],
    ['command and args', both, ['/cmd', 'y'], ['x'], ['/cmd', 'y', 'x']],
    ['CMD alone', image([], ['b']), [], [], ['b']],
    ['CMD alone, with args', image([], ['b']), [], ['x'], ['x']],
    ['ENTRYPOINT alone, with args', image(['/entry'], []), [], ['x'], ['/entry', 'x']],
    ['shell form', shell, [], [], ['/bin/sh', '-c', 'exec run "$HOME"']],
    ['shell form, with args that the shell gets', shell, [], ['x'], ['/bin/sh', '-c', 'exec run "$HOME"', 'x']],
    ['an empty image, with args', image([], []), [], ['x'], ['x']],
    ['an empty image, with a command', image([], []), ['/cmd'], [], ['/cmd']],
    ['references are left as they are', both, ['$(VAR)'], ['$$(VAR)'], ['$(VAR)', '$$(VAR)']],
  ])('%s', (_name, config, command, args, expected) => {
    expect(kubernetesArgv(config, command, args)).toEqual(expected);
  });

  it('is an error where there is nothing', () => {
    expect(() => kubernetesArgv(image([], []), [], [])).toThrowError(
      expect.objectContaining({
        reason: 'INVALID_REQUEST',
        message: expect.stringMatching(/neither an ENTRYPOINT nor a CMD/),
      }),
    );
  });
});
