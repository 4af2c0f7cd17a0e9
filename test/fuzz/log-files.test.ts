import fc from 'fast-check';
import { expect, test } from 'vitest';
import { criFormat } from '../../src/agent/logs/cri-format.ts';
import { LogDecoder } from '../../src/agent/logs/decoder.ts';
import { dockerJsonFormat } from '../../src/agent/logs/docker-json-format.ts';
import type { LogFormat } from '../../src/agent/logs/record.ts';
import { PodhandError } from '../../src/wire/errors.ts';
import { bytes, changed, changes, cut, pieceSizes } from './bytes.ts';
import { patience, runs } from './runs.ts';

interface Written {
  readonly stream: 'stdout' | 'stderr';
  readonly content: Buffer;
  readonly endsLine: boolean;
  readonly time: string;
}
const time = fc.constantFrom(
  '2024-05-06T07:08:09Z',
  '2024-05-06T07:08:09.1Z',
  '2024-05-06T07:08:09.123456789Z',
  '2024-05-06T09:08:09.123456789+02:00',
  '2024-02-29T23:59:59.000000000-11:30',
);
const large = fc
  .tuple(bytes(40), fc.integer({ min: 1, max: 2500 }))
  .map(([part, times]) => Buffer.alloc(part.length * times, part));
const stream = fc.constantFrom('stdout', 'stderr') as fc.Arbitrary<Written['stream']>;

/** What a CRI runtime can have written: any bytes but newline. */
const criContent = fc
  .oneof({ weight: 6, arbitrary: bytes() }, large)
  .map((all) => Buffer.from(all.filter((byte) => byte !== 0x0a)));
/** What the json-file driver can have written: text; half of a pair and bytes that are no UTF-8 are U+FFFD to it. */
const jsonContent = fc
  .oneof(
    fc.string({ unit: 'grapheme' }),
    fc.string({ unit: 'binary' }),
    bytes().map((all) => all.toString('utf8')),
  )
  .map((text) => Buffer.from(text.replaceAll('\n', '')));
const recordOf = (content: fc.Arbitrary<Buffer>) => fc.record({ stream, content, endsLine: fc.boolean(), time });

const cri = ({ stream, content, endsLine, time }: Written) =>
  Buffer.concat([Buffer.from(`${time} ${stream} ${endsLine ? 'F' : 'P'} `), content, Buffer.from('\n')]);
/** `attrs`: with the log options labels, env or tag. As Go's encoder writes it, or with every character escaped. */
const json =
  (attrs: boolean, escapeAll: boolean) =>
  ({ stream, content, endsLine, time }: Written) => {
    const text = `${content.toString('utf8')}${endsLine ? '\n' : ''}`;
    const units = Array.from({ length: text.length }, (_, at) => text.charCodeAt(at).toString(16).padStart(4, '0'));
    const log = escapeAll ? `"${units.map((unit) => `\\u${unit}`).join('')}"` : JSON.stringify(text);
    const middle = attrs ? `"attrs":{"a":"\\",\\"time\\":\\"x","tag":"}"},` : '';
    return Buffer.from(`{"log":${log},"stream":"${stream}",${middle}"time":"${time}"}\n`);
  };

/** Reads as `LogReading` does: whole records of what has come so far; a long CRI record in parts. */
function read(format: LogFormat, pieces: readonly Buffer[], blockBytes = 256 * 1024) {
  const given: { stream: string; data: Buffer; cursor: string }[] = [];
  const decoder = new LogDecoder(
    format,
    { timestamps: false },
    { open: [false, false], dropping: [false, false], from: [0, 0] },
    (offset, skip) => Buffer.from(`${offset} ${skip}`),
    0,
  );
  let held = Buffer.alloc(0);
  let offset = 0;
  for (const piece of pieces) {
    held = Buffer.concat([held, piece]);
    const { consumed, chunks } = decoder.decode(held, offset);
    for (const { stream, data, cursor } of chunks)
      given.push({ stream, data: Buffer.from(data), cursor: cursor.toString() });
    let read = consumed;
    if (consumed === 0 && (decoder.insideRecord || held.length >= blockBytes) && format.name === 'cri') {
      for (const { stream, data, cursor } of decoder.decodePart(held, offset))
        given.push({ stream, data: Buffer.from(data), cursor: cursor.toString() });
      read = held.length;
    }
    held = held.subarray(read);
    offset += read;
  }
  return { given, rest: held.length, insideRecord: decoder.insideRecord };
}

function outputOf(parts: readonly { stream: string; data: Buffer }[], stream: string): string {
  return Buffer.concat(parts.filter((part) => part.stream === stream).map(({ data }) => data)).toString('latin1');
}

function expectReadBack(
  format: LogFormat,
  records: readonly Written[],
  file: Buffer,
  sizes: readonly number[],
  blockBytes?: number,
) {
  const { given, rest, insideRecord } = read(format, cut(file, sizes), blockBytes);
  expect([rest, insideRecord]).toEqual([0, false]);
  const wanted = records.map(({ stream, content, endsLine }) => ({
    stream,
    data: Buffer.concat([content, Buffer.from(endsLine ? '\n' : '')]),
  }));
  for (const stream of ['stdout', 'stderr']) expect(outputOf(given, stream)).toBe(outputOf(wanted, stream));
  for (const { data } of given) expect(data.length).toBeLessThanOrEqual(64 * 1024);
}

test(
  'CRI records are read back to the byte, cut anywhere, a long one in parts',
  () => {
    const block = fc.constantFrom(256 * 1024, 64, 1000);
    fc.assert(
      fc.property(
        fc.array(recordOf(criContent), { maxLength: 12 }),
        pieceSizes,
        block,
        (records, sizes, blockBytes) => {
          expectReadBack(criFormat, records, Buffer.concat(records.map(cri)), sizes, blockBytes);
        },
      ),
      runs(300),
    );
  },
  patience,
);

test(
  'json-file records are read back to the byte, cut anywhere',
  () => {
    fc.assert(
      fc.property(
        fc.array(recordOf(jsonContent), { maxLength: 12 }),
        pieceSizes,
        fc.boolean(),
        fc.boolean(),
        (records, sizes, attrs, all) => {
          expectReadBack(dockerJsonFormat, records, Buffer.concat(records.map(json(attrs, all))), sizes);
        },
      ),
      runs(300),
    );
  },
  patience,
);

test.each([
  ['CRI', criFormat, cri],
  ['json-file', dockerJsonFormat, json(true, false)],
] as const)(
  'a changed %s log is read or refused, in chunks of a bounded size',
  (_, format, write) => {
    fc.assert(
      fc.property(
        fc.array(recordOf(jsonContent), { minLength: 1, maxLength: 5 }),
        changes,
        pieceSizes,
        bytes(),
        (records, all, sizes, garbage) => {
          const good = Buffer.concat(records.map(write));
          for (const file of [changed(good, all), Buffer.concat([garbage, good])]) {
            let told = 0;
            try {
              const { given } = read(format, cut(file, sizes), 64);
              for (const { data } of given) told += data.length;
            } catch (error) {
              expect(error).toBeInstanceOf(PodhandError);
              expect((error as PodhandError).reason).toBe('LOG_LOST');
            }
            // A record's content is never longer than the record.
            expect(told).toBeLessThanOrEqual(file.length);
          }
        },
      ),
      runs(1000),
    );
  },
  patience,
);
