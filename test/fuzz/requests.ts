import fc from 'fast-check';
import { loadExecutorService } from '../../src/wire/load.ts';
import { bytes } from './bytes.ts';

/** A field as the contract's descriptor has it. */
interface Field {
  readonly number: number;
  readonly type: string;
}
export interface Method {
  readonly name: string;
  readonly path: string;
  readonly fields: readonly Field[];
}

/** Every method of the service, with the fields of its request. */
export const methods: readonly Method[] = Object.entries(loadExecutorService().definition).map(([name, method]) => {
  const { path, requestType } = method as unknown as { path: string; requestType: { type: { field: Field[] } } };
  return { name, path, fields: requestType.type.field };
});

function varint(value: bigint): Buffer {
  const out: number[] = [];
  let rest = BigInt.asUintN(64, value);
  do {
    out.push(Number(rest & 0x7fn) | (rest > 0x7fn ? 0x80 : 0));
    rest >>= 7n;
  } while (rest > 0n);
  return Buffer.from(out);
}
const tag = (number: number, wire: number) => varint(BigInt(number) * 8n + BigInt(wire));
const delimited = (content: Buffer) => Buffer.concat([varint(BigInt(content.length)), content]);

const integer = fc.oneof(
  fc.constantFrom(0n, 1n, -1n, 2n ** 31n, 2n ** 53n, 2n ** 63n - 1n, -(2n ** 63n), 253_402_300_800n).map(varint),
  // Longer than ten bytes, or without its end.
  fc.constantFrom(
    Buffer.alloc(11, 0xff),
    Buffer.concat([Buffer.alloc(10, 0x80), Buffer.from([1])]),
    Buffer.from([0x80]),
  ),
);
const text = fc.oneof(
  fc
    .constantFrom(
      'main',
      'main',
      'secret',
      '',
      '.',
      '..',
      '/',
      '/etc/passwd',
      '../../x',
      'a\0b',
      '\u202e',
      'TERM',
      'KILL',
      '15',
      'x'.repeat(300),
      '/'.repeat(5000),
    )
    .map((each) => Buffer.from(each)),
  // No UTF-8: half of a pair, too long forms, a cut one.
  fc
    .constantFrom(
      [0xed, 0xa0, 0x80],
      [0xed, 0xbf, 0xbf],
      [0xc0, 0x80],
      [0xf8, 0x88],
      [0xf4, 0x90, 0x80, 0x80],
      [0xe2, 0x82],
      [0xff],
    )
    .map((each) => Buffer.from(each)),
  bytes(60),
);
const time = fc
  .tuple(integer, integer)
  .map(([seconds, nanos]) => Buffer.concat([tag(1, 0), seconds, tag(2, 0), nanos]));

/** A value of the field's own kind, hostile but well formed more often than not. */
function fieldValue({ type }: Field): fc.Arbitrary<readonly [wire: number, Buffer]> {
  if (type === 'TYPE_MESSAGE') return fc.oneof(time, bytes(20)).map((each) => [2, delimited(each)] as const);
  if (type === 'TYPE_STRING' || type === 'TYPE_BYTES') return text.map((each) => [2, delimited(each)] as const);
  return integer.map((each) => [0, each] as const);
}

const unknown = fc.constantFrom<Field>(
  { number: 99, type: 'TYPE_STRING' },
  { number: 536_870_911, type: 'TYPE_INT64' },
  { number: 0, type: 'TYPE_INT64' },
);
const garbage: fc.Arbitrary<Buffer> = fc.oneof(
  // The wrong wire type for a number, groups without an end, a length beyond the message.
  fc
    .tuple(fc.integer({ min: 0, max: 20 }), fc.integer({ min: 0, max: 7 }), bytes(12))
    .map(([number, wire, rest]) => Buffer.concat([tag(number, wire), rest])),
  fc.constantFrom(10, 1000, 20_000).map((depth) => Buffer.alloc(depth, 0x0b)),
  fc
    .constantFrom(10, 1000, 20_000)
    .map((depth) => Buffer.concat([Buffer.alloc(depth, 0x0b), Buffer.alloc(depth, 0x0c)])),
  fc.constant(Buffer.concat([tag(1, 2), varint(2n ** 40n)])),
);

export interface Request {
  readonly method: Method;
  readonly message: Buffer;
}

/** A request that a client of the contract could send, and now and then one that it could not. */
export const requests: fc.Arbitrary<Request> = fc.constantFrom(...methods).chain((method) => {
  const field =
    method.fields.length === 0
      ? unknown
      : fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...method.fields) }, unknown);
  const one = field.chain((each) =>
    fieldValue(each).map(([wire, value]) => Buffer.concat([tag(each.number, wire), value])),
  );
  const parts = fc.array(fc.oneof({ weight: 12, arbitrary: one }, garbage), { maxLength: 6 });
  return parts.map((all) => ({ method, message: Buffer.concat(all) }));
});
