import { afterEach, expect, onTestFinished, test, vi } from 'vitest';
import { LogEnding } from '../../src/agent/logs/log-ending.ts';
import { cautiousNow, Moment } from '../../src/agent/steady-clock.ts';
import { WrittenLog } from '../logs/written-log.ts';

const dayMs = 24 * 60 * 60 * 1000;

/** From now on the wall clock shows this; the monotonic one goes on. */
function setClock(date: number): void {
  vi.useFakeTimers({ toFake: ['Date'] });
  vi.setSystemTime(date);
}
afterEach(() => void vi.useRealTimers());

test('what is old by the clock alone is not old: a clock that was set on ages no record', () => {
  const before = Date.now();
  setClock(before + dayMs);
  expect(cautiousNow() - before).toBeLessThan(dayMs / 2);
  setClock(before - dayMs);
  expect(cautiousNow()).toBe(before - dayMs);
});

test('events are asked for from the earlier time, whichever way the clock was set since', () => {
  const before = Date.now();
  const moment = new Moment();
  setClock(before + dayMs);
  expect(Math.abs(moment.earliest.getTime() - before)).toBeLessThan(dayMs / 2);
  setClock(before - dayMs);
  expect(Math.abs(moment.earliest.getTime() - (before - dayMs))).toBeLessThan(dayMs / 2);
});

async function ended(settle: number) {
  const log = await WrittenLog.make('cri');
  onTestFinished(() => log.remove());
  const open = () =>
    new LogEnding(log.store, log.container, { settle, longest: 60_000 }, () => {}, new AbortController().signal);
  return { log, open };
}

test.each([dayMs, -dayMs])(
  'a log of a container that was seen to end has to stay as it is (clock set by %d)',
  async (set) => {
    const { log, open } = await ended(60_000);
    const seen = open();
    const before = Date.now();
    log.is('exited');
    setClock(before + set);
    for (const modified of [before, before + set]) {
      expect(seen.remaining(modified)).toBeGreaterThan(0);
      expect(seen.remaining(modified)).toBeLessThanOrEqual(60_000);
    }
  },
);

test.each([0, dayMs, -dayMs])('and no longer than it has to (clock set by %d)', async (set) => {
  const { log, open } = await ended(50);
  const seen = open();
  const before = Date.now();
  log.is('exited');
  setClock(before + set);
  await expect.poll(() => seen.remaining(before), { timeout: 20_000 }).toBe(0);
});

test('what had ended before is complete at once where it is old, and not where a clock was set on', async () => {
  const { log, open } = await ended(60_000);
  const before = Date.now();
  log.is('exited', new Date(before - dayMs));
  expect(open().remaining(before - dayMs)).toBe(0);
  log.is('exited', new Date(before));
  setClock(before + dayMs);
  expect(open().remaining(before)).toBeGreaterThan(0);
});
