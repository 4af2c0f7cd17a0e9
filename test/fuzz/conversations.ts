import fc from 'fast-check';
import { bytes, type Change, changed, changes, fraction } from './bytes.ts';
import { callFields, flags, frame, kinds, number32, settings } from './frames.ts';

/** One frame as it is to be sent; `length` where its header says something else than it has. */
interface Frame {
  readonly kind: number;
  readonly flag: number;
  readonly stream: number;
  readonly payload: Buffer;
  readonly length?: number;
}

/** What is said after the preface, and how many of its calls have an answer of their own. */
interface Conversation {
  readonly frames: readonly Frame[];
  readonly answers: number;
}

/** Of a client of Node's: Huffman's code, and fields that go into the table of the connection. */
const recorded = Buffer.from(
  '83049e62b3c938ea917ee15f079292d49ecdc5b3b98856339909bc7a9233545b1141861cc5a9371e07865f8b1d75d0620d263d4c4d6564400274' +
    '65864d833505b11f7a8e9acac8b54790ab7443015c2d2eef408e9acac8b0c842d6958b510f21aa9b903485a9264fafa90b2d03497ea6f66aff',
  'hex',
);
const none = Buffer.from([0, 0, 0, 0, 0]);
const aboutMain = Buffer.from([0, 0, 0, 0, 6, 0x0a, 4, ...Buffer.from('main')]);

const calls = fc.constantFrom(
  { fields: callFields('GetInfo'), message: none, ends: true },
  { fields: recorded, message: none, ends: true },
  { fields: callFields('StreamLogs'), message: aboutMain, ends: true },
  { fields: callFields('Wait'), message: aboutMain, ends: false },
);
/** What a client may say at any time. */
const betweens: fc.Arbitrary<Omit<Frame, 'stream'>> = fc.constantFrom(
  { kind: kinds.ping, flag: 0, payload: Buffer.from('12345678') },
  { kind: kinds.windowUpdate, flag: 0, payload: number32(70_000) },
  { kind: kinds.settings, flag: 0, payload: settings([4, 100_000], [5, 20_000]).subarray(9) },
  { kind: 0xbe, flag: 0xff, payload: Buffer.from('unknown') },
);

const call = fc
  .record({
    call: calls,
    fieldsCut: fc.option(fraction),
    messageCut: fc.option(fraction),
    padding: fc.option(fc.integer({ min: 0, max: 255 })),
    reset: fc.integer({ min: 0, max: 5 }).map((one) => one === 0),
    window: fc.boolean(),
    between: fc.array(betweens, { maxLength: 2 }),
  })
  .map(({ call: { fields, message, ends }, fieldsCut, messageCut, padding, reset, window, between }) => {
    const at = (whole: Buffer, part: number | null) => (part === null ? whole.length : Math.floor(part * whole.length));
    const first = fields.subarray(0, at(fields, fieldsCut));
    const rest = fields.subarray(first.length);
    const said = message.subarray(0, at(message, messageCut));
    const pad = (payload: Buffer) =>
      padding === null ? payload : Buffer.concat([Buffer.from([padding]), payload, Buffer.alloc(padding)]);
    const padded = padding === null ? 0 : flags.padded;
    const one = (kind: number, flag: number, payload: Buffer) => ({ kind, flag, payload });
    const whole = rest.length === 0;
    const frames = [
      one(kinds.headers, padded | (whole ? flags.endHeaders : 0), pad(first)),
      ...(whole ? [] : [one(kinds.continuation, flags.endHeaders, rest)]),
      ...(window ? [one(kinds.windowUpdate, 0, number32(1000))] : []),
      one(kinds.data, padded, pad(said)),
      one(kinds.data, flags.endStream, message.subarray(said.length)),
      ...(reset && !ends ? [one(kinds.reset, 0, number32(8))] : []),
    ];
    return { frames, between, answers: ends ? 1 : 0 };
  });

/** What a client says that keeps to HTTP/2 and to gRPC. */
export const conversations: fc.Arbitrary<Conversation> = fc
  .record({ calls: fc.array(call, { minLength: 1, maxLength: 4 }), leaves: fc.boolean() })
  .map(({ calls, leaves }) => ({
    frames: [
      { kind: kinds.settings, flag: 0, stream: 0, payload: Buffer.alloc(0) },
      ...calls.flatMap(({ frames, between }, at) => [
        ...frames.map((each) => ({ ...each, stream: 2 * at + 1 })),
        ...between.map((each) => ({ ...each, stream: 0 })),
      ]),
      ...(leaves ? [{ kind: kinds.goaway, flag: 0, stream: 0, payload: Buffer.alloc(8) }] : []),
    ],
    answers: calls.reduce((sum, { answers }) => sum + answers, 0),
  }));

const edges = fc.constantFrom(0, 1, 2, 3, 5, 7, 0xff, 0x3fff, 0x4000, 0x4001, 0xffff, 0xffffff, 0x7fffffff, 0xffffffff);
const mutation = fc.record({
  what: fc.constantFrom('drop', 'repeat', 'flood', 'swap', 'cut', 'kind', 'flag', 'stream', 'length', 'payload'),
  at: fraction,
  to: fraction,
  value: fc.oneof(edges, fc.integer({ min: 0, max: 12 })),
  bytes: bytes(40),
});
type Mutation = typeof mutation extends fc.Arbitrary<infer Value> ? Value : never;

function mutated(before: readonly Frame[], { what, at, to, value, bytes: other }: Mutation): readonly Frame[] {
  const index = Math.floor(at * before.length);
  const otherIndex = Math.floor(to * before.length);
  const [one, another] = [before[index], before[otherIndex]];
  if (one === undefined || another === undefined) return before;
  if (what === 'drop') return before.toSpliced(index, 1);
  if (what === 'repeat') return before.toSpliced(otherIndex, 0, one);
  if (what === 'flood') return before.toSpliced(index, 0, ...Array.from({ length: 300 }, () => one));
  if (what === 'swap') return before.with(index, another).with(otherIndex, one);
  const size = Math.floor(to * one.payload.length);
  const payload = {
    cut: one.payload.subarray(0, size),
    payload: Buffer.concat([one.payload.subarray(0, size), other, one.payload.subarray(size + (value % 8))]),
  };
  if (what === 'cut' || what === 'payload') return before.with(index, { ...one, payload: payload[what] });
  const mask = { kind: 0xff, flag: 0xff, stream: 0xffffffff, length: 0xffffff };
  return before.with(index, { ...one, [what]: (value & mask[what]) >>> 0 });
}

export function encoded(frames: readonly Frame[]): Buffer {
  return Buffer.concat(
    frames.map(({ kind, flag, stream, payload, length }) => frame(kind, flag, stream, payload, length)),
  );
}

/** The bytes of such a conversation of which some frames, and now and then some bytes, were changed. */
export const broken: fc.Arbitrary<Buffer> = fc
  .record({
    conversation: conversations,
    mutations: fc.array(mutation, { minLength: 1, maxLength: 4 }),
    spliced: fc.oneof({ weight: 3, arbitrary: fc.constant<Change[]>([]) }, changes),
  })
  .map(({ conversation, mutations, spliced }) =>
    changed(encoded(mutations.reduce(mutated, conversation.frames)), spliced),
  );
