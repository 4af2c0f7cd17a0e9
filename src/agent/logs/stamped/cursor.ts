import { PodhandError } from '../../../wire/errors.ts';
import { maxSeconds } from './log-time.ts';
import { type Place, start } from './stream-position.ts';

/** stdout, stderr. */
export type Places = readonly [Place, Place];

export const startPlaces: Places = [start, start];

const version = 0xd1;
const tagLength = 8;
const placeLength = 25;
const length = 1 + tagLength + 2 * placeLength;

/** The places as 59 opaque bytes that are good for this container alone, whose tag is `tag`. */
export function encodeCursor(tag: Buffer, places: Places): Buffer {
  const cursor = Buffer.allocUnsafe(length);
  cursor[0] = version;
  tag.copy(cursor, 1, 0, tagLength);
  for (const [index, place] of places.entries()) {
    const at = 1 + tagLength + index * placeLength;
    cursor[at] = place.exact ? 1 : 0;
    cursor.writeDoubleLE(place.since.seconds, at + 1);
    cursor.writeUInt32LE(place.since.nanos, at + 9);
    cursor.writeDoubleLE(place.count, at + 13);
    cursor.writeUInt32LE(place.offset, at + 21);
  }
  return cursor;
}

/** Errors: INVALID_CURSOR for anything that is no cursor of this container's log. */
export function decodeCursor(tag: Buffer, cursor: Buffer): Places {
  if (cursor.length !== length || cursor[0] !== version) throw invalid('it is not a cursor of this log');
  if (!cursor.subarray(1, 1 + tagLength).equals(tag.subarray(0, tagLength)))
    throw invalid('it is of another container');
  return [decodePlace(cursor, 1 + tagLength), decodePlace(cursor, 1 + tagLength + placeLength)];
}

function decodePlace(cursor: Buffer, at: number): Place {
  const place = {
    exact: cursor[at] === 1,
    since: { seconds: cursor.readDoubleLE(at + 1), nanos: cursor.readUInt32LE(at + 9) },
    count: cursor.readDoubleLE(at + 13),
    offset: cursor.readUInt32LE(at + 21),
  };
  const { seconds, nanos } = place.since;
  const sound =
    (cursor[at] ?? 2) <= 1 &&
    Number.isSafeInteger(seconds) &&
    Number.isSafeInteger(place.count) &&
    seconds >= 0 &&
    seconds <= maxSeconds &&
    nanos < 1_000_000_000 &&
    place.count >= 0;
  if (!sound) throw invalid('it names no place in a log');
  return place;
}

function invalid(why: string): PodhandError {
  return new PodhandError('INVALID_CURSOR', `the cursor cannot be used: ${why}; start again without one`);
}
