import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FrameParser } from '../../src/agent/executors/docker/logs/frame-parser.ts';
import { TtyStamps } from '../../src/agent/executors/docker/logs/tty-stamps.ts';
import { KubeletStamps } from '../../src/agent/kubernetes/kubelet-stamps.ts';
import { ChunkBuilder } from '../../src/agent/logs/stamped/chunk-builder.ts';
import { decodeCursor, startPlaces } from '../../src/agent/logs/stamped/cursor.ts';
import { type EntryParser, type EntrySink, LogComplaint } from '../../src/agent/logs/stamped/entry-sink.ts';
import { UnframedParser } from '../../src/agent/logs/stamped/unframed-parser.ts';
import { PodhandError } from '../../src/wire/errors.ts';
import { bytes, changed, changes, cut, pieceSizes } from './bytes.ts';
import { patience, runs } from './runs.ts';

const tag = Buffer.from('12345678');

interface Entry {
  readonly stream: 0 | 1;
  readonly content: Buffer;
}
const large = fc
  .tuple(bytes(40), fc.integer({ min: 1, max: 2000 }))
  .map(([part, times]) => Buffer.alloc(part.length * times, part));
const content = fc.oneof({ weight: 6, arbitrary: bytes() }, large);
const entries = fc.array(fc.record({ stream: fc.constantFrom(0, 1) as fc.Arbitrary<0 | 1>, content }), {
  maxLength: 12,
});

/** Stamps rise, as a runtime gives them. */
const stampOf = (at: number) => `2024-05-06T07:08:09.${String(at * 1000).padStart(9, '0')}Z `;

/** A frame of the engine: eight bytes of header, stamp, content. */
function frame({ stream, content }: Entry, at: number): Buffer {
  const body = Buffer.concat([Buffer.from(stampOf(at)), content]);
  const header = Buffer.alloc(8);
  header[0] = stream + 1;
  header.writeUInt32BE(body.length, 4);
  return Buffer.concat([header, body]);
}

function builder(): ChunkBuilder {
  return new ChunkBuilder({ tag, keepStamps: false, ownTimes: false, from: startPlaces, skipLines: 0 });
}

/** What comes of the pieces, by stream; every chunk's cursor names a place. */
function read(make: (sink: EntrySink) => EntryParser, pieces: readonly Buffer[]): [string, string] {
  const sink = builder();
  const parser = make(sink);
  const parts: { stream: string; data: Buffer }[] = [];
  const take = () => {
    for (const chunk of sink.take()) {
      expect(chunk.data.length).toBeLessThanOrEqual(64 * 1024);
      decodeCursor(tag, chunk.cursor);
      parts.push(chunk);
    }
  };
  for (const piece of pieces) {
    parser.push(piece);
    take();
  }
  parser.finish();
  take();
  const of = (stream: string) =>
    Buffer.concat(parts.filter((part) => part.stream === stream).map(({ data }) => data)).toString('latin1');
  return [of('stdout'), of('stderr')];
}

const framed = (sink: EntrySink) => new FrameParser(sink);
const tty = (sink: EntrySink) => new UnframedParser(sink, new TtyStamps());
const kubelet = (sink: EntrySink) => new UnframedParser(sink, new KubeletStamps());

test(
  "the engine's multiplexed log is read back to the byte, cut anywhere",
  () => {
    fc.assert(
      fc.property(entries, pieceSizes, (all, sizes) => {
        const of = (stream: 0 | 1) =>
          Buffer.concat(all.filter((entry) => entry.stream === stream).map((entry) => entry.content)).toString(
            'latin1',
          );
        expect(read(framed, cut(Buffer.concat(all.map(frame)), sizes))).toEqual([of(0), of(1)]);
      }),
      runs(300),
    );
  },
  patience,
);

/** A line, in parts of 16 KiB as runtimes store it. */
function parts(line: Buffer): Buffer[] {
  const found: Buffer[] = [];
  for (let at = 0; at < line.length; at += 16 * 1024) found.push(line.subarray(at, at + 16 * 1024));
  return found;
}
const zone = fc.constantFrom('Z', '+01:00', '-11:30');

test.each([
  ['a terminal', tty],
  ['a kubelet', kubelet],
] as const)(
  'the stamped log of %s is read back to the byte, cut anywhere',
  (name, make) => {
    fc.assert(
      fc.property(fc.array(content, { maxLength: 8 }), pieceSizes, zone, (lines, sizes, offset) => {
        // A stamp that the container writes itself, at the beginning of a part, it may lose: that is written down.
        const said = lines.map((line) =>
          Buffer.concat([Buffer.from(line.filter((byte) => byte !== 0x0a)), Buffer.from('\n')]),
        );
        const stored = said.flatMap((line, at) => {
          const stamp = name === 'a kubelet' ? stampOf(at).replace('Z', offset) : stampOf(at);
          return parts(line).flatMap((part) => [Buffer.from(stamp), part]);
        });
        expect(read(make, cut(Buffer.concat(stored), sizes))).toEqual([Buffer.concat(said).toString('latin1'), '']);
      }),
      runs(250),
    );
  },
  patience,
);

const odd = fc.constantFrom(
  '0000-00-00T00:00:00.000000000Z ',
  '9999-12-31T24:00:00.999999999Z ',
  '1969-12-31T23:59:59.999999999Z ',
  '2024-05-06T7:8:9.5    .000000000Z ',
  '2024-02-30T00:00:00.000000000Z ',
  '+12345-05-06T07:08:0.000000000Z ',
  '2024-05-06T07:08:09.000000000+99:99 ',
  '0001-01-01T00:00:00.000000000+01:00 ',
  '9999-12-31T23:59:59.000000000-23:59 ',
);

test.each([
  ['frames', framed],
  ['a terminal', tty],
  ['a kubelet', kubelet],
] as const)(
  'changed %s are read or refused, with cursors that can be used',
  (_, make) => {
    fc.assert(
      fc.property(entries, changes, pieceSizes, fc.array(odd, { maxLength: 2 }), (all, made, sizes, stamps) => {
        const good = Buffer.concat(
          all.map((entry, at) =>
            make === framed ? frame(entry, at) : Buffer.concat([Buffer.from(stampOf(at)), entry.content]),
          ),
        );
        const inside = stamps.map(
          (stamp) =>
            (make === framed
              ? frame({ stream: 0, content: Buffer.alloc(0) }, 0)
                  .subarray(0, 8)
                  .toString('latin1')
              : '') + stamp,
        );
        for (const file of [
          changed(good, made),
          Buffer.concat([Buffer.from(`${inside.join('x\n')}y\n`, 'latin1'), good]),
        ]) {
          try {
            const [out, err] = read(make, cut(file, sizes));
            expect(out.length + err.length).toBeLessThanOrEqual(file.length);
          } catch (error) {
            const meaning = error instanceof LogComplaint ? error.meaning : error;
            expect(meaning).toBeInstanceOf(PodhandError);
            expect((meaning as PodhandError).reason).toMatch(/^(?:LOG_LOST|LOGS_UNAVAILABLE)$/);
          }
        }
      }),
      runs(800),
    );
  },
  patience,
);
