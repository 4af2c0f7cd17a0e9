import { randomBytes } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Attacker } from './attacker.ts';
import {
  callFields,
  emptyMessage,
  field,
  flags,
  frame,
  headers,
  kinds,
  number32,
  preface,
  settings,
} from './frames.ts';

export type Attack = (socket: string) => Promise<Attacker>;

const greeted =
  (...frames: readonly Buffer[]): Attack =>
  async (socket) => {
    const attacker = await Attacker.greeted(socket);
    await attacker.write(...frames);
    return attacker;
  };
const first =
  (...bytes: readonly Buffer[]): Attack =>
  async (socket) => {
    const attacker = await Attacker.open(socket);
    await attacker.write(...bytes);
    return attacker;
  };
/** The same bytes again and again. */
const again = (count: number, one: Buffer): Buffer => Buffer.alloc(one.length * count, one);
const times = (count: number, make: (at: number) => Buffer): Buffer =>
  Buffer.concat(Array.from({ length: count }, (_, at) => make(at)));
const stream = (at: number) => 2 * at + 1;
const wait = callFields('Wait');
const info = callFields('GetInfo');

/** Each stops at some point and says nothing more: the connection has to end, by the cause that is named. */
export const silences: Readonly<Record<string, readonly [cause: string, Attack]>> = {
  'says nothing': ['silent', first()],
  'half of a preface': ['silent', first(preface.subarray(0, 10))],
  'a preface without SETTINGS': ['silent', first(preface)],
  'half of a SETTINGS header': ['silent', first(preface, settings().subarray(0, 8))],
  'SETTINGS without what they say they hold': [
    'idle',
    first(preface, frame(kinds.settings, 0, 0, Buffer.alloc(0), 60)),
  ],
  'SETTINGS and no request': ['idle', greeted()],
  'half of a frame': ['idle', greeted(headers(1).subarray(0, 7))],
  'a call, and then nothing': ['idle', greeted(headers(1), emptyMessage(1))],
  'HEADERS without END_HEADERS': ['idle', greeted(headers(1, callFields('GetInfo'), 0))],
  'HEADERS without an end': ['stalled', greeted(headers(1))],
  'a message that stalls': ['stalled', greeted(headers(1), frame(kinds.data, 0, 1, Buffer.from([0, 0, 0, 1, 0, 1])))],
  'a frame of a message that stalls': ['stalled', greeted(headers(1), frame(kinds.data, 0, 1, Buffer.alloc(5), 4000))],
  'a whole message and no end': ['stalled', greeted(headers(1), frame(kinds.data, 0, 1, Buffer.alloc(5)))],
  'another call is open meanwhile': ['stalled', greeted(headers(1, wait), emptyMessage(1), headers(3))],
};

/** What HTTP/2 forbids: the connection has to end at once. */
export const broken: Readonly<Record<string, Attack>> = {
  'another protocol': first(Buffer.from('GET / HTTP/1.1\r\nHost: a\r\n\r\n')),
  'random bytes': first(randomBytes(4096)),
  'random bytes after SETTINGS': greeted(Buffer.alloc(4096, 0xfe)),
  'a request before SETTINGS': first(preface, headers(1), emptyMessage(1)),
  'a frame that is too long': greeted(headers(1), frame(kinds.data, 0, 1, Buffer.alloc(100_000), 0xffffff)),
  'SETTINGS of a wrong length': greeted(frame(kinds.settings, 0, 0, Buffer.alloc(7))),
  'SETTINGS with a forbidden value': greeted(settings([4, 0xffffffff])),
  'DATA on stream 0': greeted(frame(kinds.data, 0, 0, Buffer.alloc(5))),
  'HEADERS on an even stream': greeted(headers(2)),
  'HEADERS on a stream before': greeted(headers(5), headers(3)),
  'more padding than there is': greeted(
    frame(kinds.headers, flags.padded | flags.endHeaders, 1, Buffer.from([200, 0])),
  ),
  PUSH_PROMISE: greeted(frame(kinds.push, flags.endHeaders, 1, Buffer.alloc(8))),
  'CONTINUATION without HEADERS': greeted(frame(kinds.continuation, flags.endHeaders, 1)),
  'another frame between HEADERS and CONTINUATION': greeted(
    headers(1, wait, 0),
    frame(kinds.ping, 0, 0, Buffer.alloc(8)),
  ),
  'HPACK that cannot be read': greeted(headers(1, Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0xff]))),
  'WINDOW_UPDATE by nothing': greeted(frame(kinds.windowUpdate, 0, 0, number32(0))),
  'WINDOW_UPDATE over the largest': greeted(
    frame(kinds.windowUpdate, 0, 0, number32(0x7fffffff)),
    frame(kinds.windowUpdate, 0, 0, number32(0x7fffffff)),
  ),
  'RST_STREAM of a stream that is none': greeted(frame(kinds.reset, 0, 9, number32(8))),
  'PING of a wrong length': greeted(frame(kinds.ping, 0, 0, Buffer.alloc(7))),
  'a half-closed socket': async (socket) => {
    const attacker = await greeted(headers(1, wait), emptyMessage(1))(socket);
    attacker.socket.end();
    return attacker;
  },
};

const deafAfter =
  (attack: Attack): Attack =>
  async (socket) =>
    (await attack(socket)).deaf();

/** More than it would be allowed to leave in the memory of the agent. */
const enough = 512 * 1024 * 1024;
/** One frame, which wants an answer, without end; no answer is taken. `count` of them are written at a time. */
const neverTaken =
  (count: number, one: Buffer): Attack =>
  async (socket) => {
    const attacker = (await Attacker.greeted(socket)).deaf();
    const many = again(count, one);
    for (let written = 0; written < enough && !attacker.closed; written += many.length) {
      await attacker.write(many);
      await nextTurn();
    }
    return attacker;
  };
const ping = frame(kinds.ping, 0, 0, Buffer.alloc(8));
const window = settings([4, 65_535]);

/** More than anybody needs: the connection ends, or holds no more than before. `ends`: it has to end. */
export const floods: Readonly<Record<string, readonly ['ends' | 'holds', Attack]>> = {
  'rapid reset of calls without an end (CVE-2023-44487)': [
    'ends',
    greeted(
      times(3000, (at) => Buffer.concat([headers(stream(at), wait), frame(kinds.reset, 0, stream(at), number32(8))])),
    ),
  ],
  'rapid reset of whole calls': [
    'ends',
    greeted(
      times(3000, (at) =>
        Buffer.concat([
          headers(stream(at), info),
          emptyMessage(stream(at)),
          frame(kinds.reset, 0, stream(at), number32(8)),
        ]),
      ),
    ),
  ],
  CONTINUATION: [
    'ends',
    greeted(headers(1, wait, 0), again(20_000, frame(kinds.continuation, 0, 1, field('x', 'y'.repeat(100))))),
  ],
  'empty CONTINUATION': ['ends', greeted(headers(1, wait, 0), again(100_000, frame(kinds.continuation, 0, 1)))],
  SETTINGS: ['holds', greeted(again(50_000, window))],
  PING: ['holds', greeted(again(50_000, ping))],
  'SETTINGS whose answers nobody takes': ['ends', neverTaken(50_000, window)],
  'PING whose answers nobody takes': ['ends', neverTaken(50_000, ping)],
  // Few at a time are no flood by HTTP/2's own count: the agent reads no further once its answers are stuck.
  'SETTINGS a few at a time whose answers nobody takes': ['ends', neverTaken(100, window)],
  'PING a few at a time whose answers nobody takes': ['ends', neverTaken(100, ping)],
  PRIORITY: ['holds', greeted(times(50_000, (at) => frame(kinds.priority, 0, stream(at), Buffer.alloc(5))))],
  'frames of a kind that is none': ['holds', greeted(times(50_000, (at) => frame(0xee, 0xff, at, Buffer.alloc(20))))],
  'empty DATA': ['holds', greeted(headers(1), again(50_000, frame(kinds.data, 0, 1)))],
  'HPACK bombs': [
    'holds',
    greeted(
      headers(1, Buffer.concat([wait, field('x', 'y'.repeat(3900), true)])),
      times(200, (at) => headers(stream(at + 1), Buffer.concat([wait, Buffer.alloc(10_000, 0xbe)]))),
    ),
  ],
  'streams without an end': ['holds', greeted(times(5000, (at) => headers(stream(at), wait)))],
  'calls whose answers nobody takes': [
    'holds',
    deafAfter(greeted(times(5000, (at) => Buffer.concat([headers(stream(at), info), emptyMessage(stream(at))])))),
  ],
};
