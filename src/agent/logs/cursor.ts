import { createHash } from 'node:crypto';
import { PodhandError } from '../../wire/errors.ts';
import type { Container } from '../pods/model.ts';

/** What the output of one stream is in the middle of. Index 0 is stdout, 1 is stderr. */
export interface LineState {
  /** The stream's last record did not end its line. */
  readonly open: readonly [boolean, boolean];
  /** That line is being left out: it began before the asked time. */
  readonly dropping: readonly [boolean, boolean];
  /** Records of the stream before this offset of the file are left out: they are older than the asked tail. */
  readonly from: readonly [number, number];
}

/** A place in a container's log. */
export interface LogPosition extends LineState {
  readonly device: bigint;
  readonly inode: bigint;
  /** Hash of the file's first bytes: tells the file from a later one that was given the same inode. */
  readonly mark: bigint;
  /** Offset in the (uncompressed) file of the record to go on with. */
  readonly offset: number;
  /** Bytes of that record's content that were given already. */
  readonly skip: number;
}

const version = 1;
const bodyLength = 66;
const length = bodyLength + 8;

/** The position as opaque bytes that are good for this one attempt of the container. 74 bytes. */
export function encodeCursor(containerTag: Buffer, position: LogPosition): Buffer {
  const cursor = Buffer.allocUnsafe(length);
  cursor[0] = version;
  cursor[1] = flags(position);
  containerTag.copy(cursor, 2, 0, 8);
  cursor.writeBigUInt64LE(position.device, 10);
  cursor.writeBigUInt64LE(position.inode, 18);
  cursor.writeBigUInt64LE(position.mark, 26);
  cursor.writeDoubleLE(position.offset, 34);
  cursor.writeDoubleLE(position.skip, 42);
  cursor.writeDoubleLE(position.from[0], 50);
  cursor.writeDoubleLE(position.from[1], 58);
  const [low, high] = checksum(cursor);
  cursor.writeUInt32LE(low, bodyLength);
  cursor.writeUInt32LE(high, bodyLength + 4);
  return cursor;
}

/** The position that a cursor names. Errors: INVALID_CURSOR for nonsense and for another container's cursor. */
export function decodeCursor(containerTag: Buffer, cursor: Buffer): LogPosition {
  if (cursor.length !== length || cursor[0] !== version) throw invalid('it is not a cursor of this log');
  const [low, high] = checksum(cursor);
  if (cursor.readUInt32LE(bodyLength) !== low || cursor.readUInt32LE(bodyLength + 4) !== high)
    throw invalid('it is damaged');
  if (!cursor.subarray(2, 10).equals(containerTag)) throw invalid('it is of another container or another attempt');
  const offset = cursor.readDoubleLE(34);
  const skip = cursor.readDoubleLE(42);
  const from: [number, number] = [cursor.readDoubleLE(50), cursor.readDoubleLE(58)];
  // The checksum is no secret: what it covers is still input.
  if (![offset, skip, ...from].every((value) => Number.isSafeInteger(value) && value >= 0)) {
    throw invalid('it names no place in a file');
  }
  const bits = cursor[1] ?? 0;
  return {
    open: [(bits & 1) !== 0, (bits & 2) !== 0],
    dropping: [(bits & 4) !== 0, (bits & 8) !== 0],
    from,
    device: cursor.readBigUInt64LE(10),
    inode: cursor.readBigUInt64LE(18),
    mark: cursor.readBigUInt64LE(26),
    offset,
    skip,
  };
}

/** Eight bytes that stand for one attempt of a container in its cursors. */
export function containerTag(container: Pick<Container, 'podUid' | 'id'>): Buffer {
  return createHash('sha256').update(`${container.podUid}\0${container.id}`).digest().subarray(0, 8);
}

function invalid(why: string): PodhandError {
  return new PodhandError('INVALID_CURSOR', `the cursor cannot be used: ${why}; start again without one`);
}

function flags(state: LineState): number {
  return (state.open[0] ? 1 : 0) | (state.open[1] ? 2 : 0) | (state.dropping[0] ? 4 : 0) | (state.dropping[1] ? 8 : 0);
}

/** Two FNV-1a sums over everything before the checksum itself. */
function checksum(cursor: Buffer): [number, number] {
  let low = 0x811c9dc5;
  let high = 0x2f0b4a27;
  for (let at = 0; at < bodyLength; at++) {
    const byte = cursor[at] ?? 0;
    low = Math.imul(low ^ byte, 0x01000193);
    high = Math.imul(high ^ byte, 0x0100a6d5);
  }
  return [low >>> 0, high >>> 0];
}
