import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeFileCursor, encodeFileCursor, isFileCursor } from '../../src/agent/executors/emissary/file-cursor.ts';
import { decodeCursor, encodeCursor } from '../../src/agent/logs/cursor.ts';
import * as stamped from '../../src/agent/logs/stamped/cursor.ts';
import { PodhandError } from '../../src/wire/errors.ts';
import { bytes, changed, changes } from './bytes.ts';
import { patience, runs } from './runs.ts';

const tag = fc.uint8Array({ minLength: 8, maxLength: 8 }).map((each) => Buffer.from(each));
const place = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
const pair = <Value>(each: fc.Arbitrary<Value>) => fc.tuple(each, each);
const word = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const file = fc.constantFrom('stdout', 'stderr', 'combined');

const nodePosition = fc.record({
  open: pair(fc.boolean()),
  dropping: pair(fc.boolean()),
  from: pair(place),
  device: word,
  inode: word,
  mark: word,
  offset: place,
  skip: place,
});
const since = fc.record({
  seconds: fc.integer({ min: 0, max: 253_402_300_799 }),
  nanos: fc.integer({ min: 0, max: 999_999_999 }),
});
const offset = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const places = pair(fc.record({ since, exact: fc.boolean(), count: place, offset }));

test(
  'every place is read back from its cursor, and by its own container alone',
  () => {
    fc.assert(
      fc.property(tag, tag, nodePosition, places, file, place, (own, other, position, stampedPlaces, kind, at) => {
        fc.pre(!own.equals(other));
        const cursors = [
          [encodeCursor(own, position), (by: Buffer, cursor: Buffer) => decodeCursor(by, cursor), position],
          [
            stamped.encodeCursor(own, stampedPlaces),
            (by: Buffer, cursor: Buffer) => stamped.decodeCursor(by, cursor),
            stampedPlaces,
          ],
          [encodeFileCursor(own, kind, at), (by: Buffer, cursor: Buffer) => decodeFileCursor(by, kind, cursor), at],
        ] as const;
        for (const [cursor, decode, said] of cursors) {
          expect(decode(own, cursor)).toEqual(said);
          expect(refusal(() => decode(other, cursor))).toBe('INVALID_CURSOR');
        }
        expect(cursors.map(([cursor]) => isFileCursor(cursor))).toEqual([false, false, true]);
      }),
      runs(2000),
    );
  },
  patience,
);

/** What is decoded is encoded again: nothing is in it that a cursor of ours could not have. */
test(
  'any other bytes are a cursor or INVALID_CURSOR',
  () => {
    const garbage = fc.oneof(
      bytes(90),
      fc.tuple(tag, nodePosition, changes).map(([own, position, all]) => changed(encodeCursor(own, position), all)),
      fc.tuple(tag, places, changes).map(([own, at, all]) => changed(stamped.encodeCursor(own, at), all)),
      fc.tuple(tag, file, place, changes).map(([own, kind, at, all]) => changed(encodeFileCursor(own, kind, at), all)),
    );
    fc.assert(
      fc.property(garbage, file, (cursor, kind) => {
        const taken = refusal(() => {
          const found = decodeCursor(cursor.subarray(2, 10), cursor);
          expect(decodeCursor(cursor.subarray(2, 10), encodeCursor(cursor.subarray(2, 10), found))).toEqual(found);
        });
        expect(taken).toMatch(/^(?:INVALID_CURSOR|OK)$/);
        const own = Buffer.concat([cursor.subarray(1, 9), Buffer.alloc(8)]).subarray(0, 8);
        const again = refusal(() => {
          const found = stamped.decodeCursor(own, cursor);
          expect(stamped.decodeCursor(own, stamped.encodeCursor(own, found))).toEqual(found);
        });
        expect(again).toMatch(/^(?:INVALID_CURSOR|OK)$/);
        if (!isFileCursor(cursor)) return;
        const offset = refusal(() =>
          expect(decodeFileCursor(cursor.subarray(5, 13), kind, cursor)).toBeGreaterThanOrEqual(0),
        );
        expect(offset).toMatch(/^(?:INVALID_CURSOR|OK)$/);
      }),
      runs(4000),
    );
  },
  patience,
);

function refusal(decode: () => unknown): string {
  try {
    decode();
    return 'OK';
  } catch (error) {
    if (error instanceof PodhandError) return error.reason;
    throw error;
  }
}
