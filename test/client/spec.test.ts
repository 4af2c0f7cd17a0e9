import { expect, test } from 'vitest';
import { parseSpec } from '../../src/client/collect/parse-spec.ts';
import { PodhandError } from '../../src/wire/errors.ts';

function problemsOf(text: string): string[] {
  try {
    parseSpec(text);
  } catch (error) {
    expect(error).toBeInstanceOf(PodhandError);
    expect((error as PodhandError).reason).toBe('INVALID_REQUEST');
    return (error as PodhandError).message.replace('the spec is not right: ', '').split('; ');
  }
  return [];
}

test('a whole spec, with its defaults', () => {
  const spec = parseSpec(`
    containers: [main]
    sidecars: [proxy]
    gracePeriod: 10s
    result: {container: main}
    parameters: [{name: n, container: main, path: /tmp/n, default: "0"}]
    artifacts: [{name: a, container: main, path: /tmp/out, destination: /outputs/a.tgz, optional: true, when: success}]
    logs: [{container: main, destination: /outputs/main.log}]
    output: /outputs/outputs.json
    deadline: 1h`);
  expect(spec).toEqual({
    containers: ['main'],
    sidecars: ['proxy'],
    gracePeriod: 10_000,
    result: { container: 'main', maxBytes: 262_144 },
    parameters: [{ name: 'n', container: 'main', path: '/tmp/n', default: '0', maxBytes: 262_144 }],
    artifacts: [
      {
        name: 'a',
        container: 'main',
        path: '/tmp/out',
        format: 'tgz',
        destination: '/outputs/a.tgz',
        optional: true,
        when: 'success',
      },
    ],
    logs: [{ container: 'main', destination: '/outputs/main.log' }],
    output: '/outputs/outputs.json',
    deadline: 3_600_000,
  });
});

test('an empty spec only waits', () => {
  expect(parseSpec('')).toMatchObject({ containers: [], sidecars: [], gracePeriod: 30_000, output: 'outputs.json' });
});

test.each([
  ['an unknown key, with the nearest', 'contianers: [main]', ['unknown key "contianers", did you mean "containers"?']],
  [
    'an unknown key in a list',
    'artifacts: [{name: a, container: m, path: /x, fromat: tar}]',
    ['artifacts[0]: unknown key "fromat", did you mean "format"?'],
  ],
  [
    'an unknown key like no other',
    'result: {container: m, zzzzzz: 1}',
    ['result: unknown key "zzzzzz", known are container, stream, maxBytes'],
  ],
  ['a bad duration', 'gracePeriod: 10', [expect.stringMatching(/^gracePeriod: /)]],
  ['a duration without a unit', 'deadline: "10"', ['deadline: a duration looks like 10s, 1m30s or 1h']],
  ['a duration that no timer holds', 'deadline: 100d', ['deadline: a duration is at most 24d']],
  [
    'a relative path',
    'parameters: [{name: n, container: m, path: tmp/n}]',
    ['parameters[0].path: an absolute path without ".." is wanted'],
  ],
  [
    'a path with ..',
    'parameters: [{name: n, container: m, path: /tmp/../n}]',
    ['parameters[0].path: an absolute path without ".." is wanted'],
  ],
  [
    'a number as a default',
    'parameters: [{name: n, container: m, path: /n, default: 0}]',
    [expect.stringContaining('parameters[0].default')],
  ],
  ['too large a value', 'result: {container: m, maxBytes: 1000000000}', [expect.stringContaining('result.maxBytes')]],
  [
    'two of one name',
    'artifacts: [{name: a, container: m, path: /x}, {name: a, container: m, path: /y}]',
    ['artifacts: the name "a" is there twice'],
  ],
  ['two at one place', 'logs: [{container: m, destination: x}]\noutput: x', ['two things have the destination "x"']],
  ['a container that is also a sidecar', 'containers: [a]\nsidecars: [a]', ['sidecars: "a" is also in containers']],
  ['no mapping', '[1]', [expect.any(String)]],
  ['no YAML', 'a: [', [expect.any(String)]],
  ['a key that is there twice', 'output: a\noutput: b', [expect.stringContaining('unique')]],
])('refused: %s', (_name, text, problems) => {
  expect(problemsOf(text)).toEqual(problems);
});

test('all problems are told at once', () => {
  const text = 'sidecar: [a]\ngracePeriod: x\nartifacts: [{name: a, container: m, path: x, formt: tar}]';
  expect(problemsOf(text)).toHaveLength(4);
});

test('aliases cannot blow it up', () => {
  const levels = Array.from({ length: 30 }, (_, level) => `l${level + 1}: &l${level + 1} [*l${level}, *l${level}]`);
  expect(() => parseSpec(`l0: &l0 [x, x]\n${levels.join('\n')}`)).toThrow();
  expect(() => parseSpec('#'.repeat(2_000_000))).toThrow('1 MiB');
});
