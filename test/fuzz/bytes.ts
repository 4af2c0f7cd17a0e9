import fc from 'fast-check';

/** Any bytes, often those that parsers look for. */
export function bytes(maxLength = 200): fc.Arbitrary<Buffer> {
  const telling = fc.constantFrom(...Buffer.from('\n\r\t "\\{}:/-.=0179TZFPu\0\x7f\xe2\xff', 'latin1'));
  return fc
    .array(fc.oneof(telling, fc.integer({ min: 0, max: 255 })), { maxLength, size: 'max' })
    .map((each) => Buffer.from(each));
}

/** `whole` cut into some hundred pieces at most, at any places; the sizes are taken in turn. */
export function cut(whole: Buffer, sizes: readonly number[]): Buffer[] {
  const pieces: Buffer[] = [];
  const least = Math.max(1, Math.floor(whole.length / 300));
  for (let at = 0, turn = 0; at < whole.length; turn++) {
    const size = Math.max(least, sizes[turn % Math.max(1, sizes.length)] ?? whole.length);
    pieces.push(Buffer.from(whole.subarray(at, at + size)));
    at += size;
  }
  return pieces;
}

/** Sizes of pieces: all small, or now and then a large one. */
export const pieceSizes = fc.array(fc.oneof(fc.integer({ min: 1, max: 64 }), fc.integer({ min: 1, max: 70_000 })), {
  minLength: 1,
  maxLength: 6,
});

/** Evenly of 0 to 1: fc.double is mostly near 0. */
export const fraction = fc.integer({ min: 0, max: 100_000 }).map((part) => part / 100_000);

export interface Change {
  readonly at: number;
  readonly kind: 'flip' | 'cut' | 'insert' | 'remove' | 'double';
  readonly bytes: Buffer;
}

/** What a broken or hostile writer makes of good bytes. */
export const changes: fc.Arbitrary<Change[]> = fc.array(
  fc.record({
    at: fraction,
    kind: fc.constantFrom('flip', 'cut', 'insert', 'remove', 'double'),
    bytes: bytes(12),
  }),
  { minLength: 1, maxLength: 4 },
);

export function changed(good: Buffer, all: readonly Change[]): Buffer {
  return all.reduce<Buffer>((before, change) => {
    const at = Math.floor(change.at * before.length);
    const rest = before.subarray(at);
    if (change.kind === 'cut') return before.subarray(0, at);
    if (change.kind === 'insert') return Buffer.concat([before.subarray(0, at), change.bytes, rest]);
    if (change.kind === 'remove') return Buffer.concat([before.subarray(0, at), rest.subarray(change.bytes.length)]);
    if (change.kind === 'double') return Buffer.concat([before, rest]);
    const flipped = Buffer.from(before);
    change.bytes.copy(flipped, at);
    return flipped;
  }, good);
}
