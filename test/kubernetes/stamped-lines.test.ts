import { expect, test } from 'vitest';
import { KubeletStamps } from '../../src/agent/kubernetes/kubelet-stamps.ts';
import { LogComplaint } from '../../src/agent/logs/stamped/entry-sink.ts';
import type { LogTime } from '../../src/agent/logs/stamped/log-time.ts';
import { UnframedParser } from '../../src/agent/logs/stamped/unframed-parser.ts';

interface Entry {
  time: LogTime;
  stamp: string;
  text: string;
}

function parse(text: string, pieces: number): Entry[] {
  const entries: Entry[] = [];
  const parser = new UnframedParser(
    {
      begin: (_stream, time, stamp, at) =>
        entries.push({ time, stamp: stamp.toString('latin1', at, at + 31), text: '' }),
      bytes: (data, start, end) => {
        const last = entries.at(-1);
        if (last) last.text += data.toString('latin1', start, end);
      },
      end: () => {},
    },
    new KubeletStamps(),
  );
  const bytes = Buffer.from(text, 'latin1');
  for (let at = 0; at < bytes.length; at += pieces) parser.push(bytes.subarray(at, at + pieces));
  parser.finish();
  return entries;
}

const first = '2026-11-25T14:00:00.000000001Z ';
const second = '2026-11-25T14:00:00.000000002Z ';
const earlier = '2026-11-25T13:00:00.000000002Z ';
const part = 'x'.repeat(16 * 1024);

test.each([1, 7, 31, 36, 1000, 1_000_000])('cut into pieces of %i bytes by the transport', (pieces) => {
  const texts = (text: string) => parse(text, pieces).map((entry) => entry.text);
  expect(texts('')).toEqual([]);
  expect(texts(`${first}a\n${second}b\n`)).toEqual(['a\n', 'b\n']);
  expect(texts(`${first}\n${second}last`)).toEqual(['\n', 'last']);
  // containerd stamps each part anew, docker with the time of the first.
  expect(texts(`${first}${part}${second}rest\n`)).toEqual([part, 'rest\n']);
  expect(texts(`${first}${part}${first}${part}${first}\n`)).toEqual([part, part, '\n']);
  // A line of exactly one part.
  expect(texts(`${first}${part}\n${second}b\n`)).toEqual([`${part}\n`, 'b\n']);
  // What a container writes itself is its output.
  expect(texts(`${first}I say ${second}\n`)).toEqual([`I say ${second}\n`]);
  expect(texts(`${first}${part}${earlier}\n`)).toEqual([`${part}${earlier}\n`]);
});

test('an offset from UTC is taken away', () => {
  const [entry] = parse('2026-11-25T15:00:00.000000001+01:00 a\n', 5);
  expect(entry).toEqual({ time: { seconds: Date.UTC(2026, 10, 25, 14) / 1000, nanos: 1 }, stamp: first, text: 'a\n' });
});

test.each(['unable to retrieve container logs for docker://0123', '2026-11-25T14:00:00Z a\n', '2026'])(
  'what has no stamp is no log: %s',
  (text) => {
    expect(() => parse(text, 10)).toThrow(LogComplaint);
  },
);
