import { describe, expect, test } from 'vitest';
import { type EmissaryEnd, isOfAttempt } from '../../src/agent/executors/emissary/ending.ts';
import { merge } from '../../src/agent/executors/emissary/merge.ts';
import { Pace } from '../../src/agent/executors/emissary/pace.ts';
import type { Container } from '../../src/agent/pods/model.ts';

const at = (text: string) => new Date(`2026-01-01T${text}Z`);
const running: Container = {
  podUid: 'uid',
  name: 'main',
  id: 'id',
  image: '',
  imageId: '',
  kind: 'regular',
  restartCount: 0,
  state: 'running',
  startedAt: at('12:00:05'),
};
const told = (exitCode: number, more: object = {}): Container => ({
  ...running,
  state: 'exited',
  reason: 'Error',
  exit: { exitCode, oomKilled: false, source: 'pod-status', ...more },
});
const end = (exitCode: number, more: Partial<EmissaryEnd> = {}): EmissaryEnd => ({
  exitCode,
  begunAt: at('12:00:05.2'),
  finishedAt: at('12:00:06'),
  ...more,
});
const now = at('12:00:07');
const merged = (sightings: Partial<Parameters<typeof merge>[0]>) =>
  merge({ named: running, end: undefined, shown: undefined, lives: undefined, isOverdue: false, now, ...sightings });
const brief = (container: Container | 'wait') =>
  container === 'wait'
    ? container
    : [container.state, container.exit?.exitCode, container.exit?.signal, container.exit?.source];

describe('what is shown of a container', () => {
  const own = ['exited', 3, undefined, 'emissary'];
  test.each<[string, Partial<Parameters<typeof merge>[0]>, unknown]>([
    ['no end', {}, ['running', undefined, undefined, undefined]],
    ['an end that the emissary tells first', { end: end(3) }, own],
    [
      'the same of one that is held and lives',
      { end: end(3), lives: true },
      ['running', undefined, undefined, undefined],
    ],
    ['the same of one that is held and has ended', { end: end(3), lives: false }, own],
    ['a death by signal', { end: end(143, { signal: 15 }) }, ['exited', 143, 15, 'emissary']],
    ['SIGKILL: the source knows whether for memory', { end: end(137, { signal: 9 }) }, 'wait'],
    ['SIGKILL, nobody told', { end: end(137, { signal: 9 }), isOverdue: true }, ['exited', 137, 9, 'emissary']],
    ['the source first', { named: told(3) }, ['exited', 3, undefined, 'pod-status']],
    ['both agree', { named: told(143), end: end(143, { signal: 15 }) }, ['exited', 143, 15, 'pod-status']],
    ['they disagree', { named: told(137), end: end(0) }, ['exited', 137, undefined, 'pod-status']],
    ['the source has lost it', { named: { ...running, state: 'unknown' }, end: end(3) }, own],
    [
      'it has not started, and an old end is there',
      { named: { ...running, state: 'waiting' }, end: end(3) },
      ['waiting', undefined, undefined, undefined],
    ],
  ])('%s', (_, sightings, expected) => {
    expect(brief(merged(sightings))).toEqual(expected);
  });

  test('what has ended stays so, but for a code that the runtime tells otherwise', () => {
    const shown = merged({ end: end(0) }) as Container;
    expect(merged({ shown })).toBe(shown);
    expect(merged({ shown, named: told(0) })).toBe(shown);
    expect(brief(merged({ shown, named: told(137) }))).toEqual(['exited', 137, undefined, 'pod-status']);
    const source = told(1);
    expect(merged({ shown: source, end: end(0), named: told(2) })).toBe(source);
  });

  test('the next attempt begins anew', () => {
    const shown = merged({ end: end(0) }) as Container;
    const next = { ...running, restartCount: 1 };
    expect(merged({ shown, named: next })).toBe(next);
  });

  test('times of a pod’s own making are not in the future', () => {
    const made = merged({ end: end(3, { finishedAt: new Date('2100-01-01') }) }) as Container;
    expect(made.exit?.finishedAt).toEqual(now);
  });
});

test.each([
  ['begun with it', '12:00:05.2', true],
  ['begun in the second of its start, which was cut off', '12:00:05.0', true],
  ['begun before it', '12:00:03', false],
])('an end that was %s', (_, begun, expected) => {
  expect(isOfAttempt(end(0, { begunAt: at(begun) }), running)).toBe(expected);
});

test('looks at what changes without end come ever less often, and at once after a silence', () => {
  const pace = new Pace();
  let clock = 1_000_000;
  const pauses = Array.from({ length: 10 }, () => {
    const pause = pace.next(clock);
    clock += pause;
    return pause;
  });
  expect(pauses).toEqual([0, 5, 10, 20, 40, 80, 160, 320, 500, 500]);
  expect(pace.next(clock + 3_000)).toBe(0);
});
