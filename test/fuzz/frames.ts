/** HTTP/2 frames by hand: what no client library would send. */

export const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

export const kinds = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  push: 5,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

export const flags = { ack: 1, endStream: 1, endHeaders: 4, padded: 8 } as const;

/** `length`: where the header is to say something else than the payload has. */
export function frame(
  kind: number,
  flag: number,
  stream: number,
  payload: Buffer = Buffer.alloc(0),
  length = payload.length,
): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(length, 0, 3);
  head[3] = kind;
  head[4] = flag;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

export function settings(...pairs: readonly (readonly [id: number, value: number])[]): Buffer {
  const body = Buffer.alloc(pairs.length * 6);
  for (const [at, [id, value]] of pairs.entries()) {
    body.writeUInt16BE(id, at * 6);
    body.writeUInt32BE(value, at * 6 + 2);
  }
  return frame(kinds.settings, 0, 0, body);
}

export function number32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** A string of HPACK, without Huffman's code. */
function text(value: string): Buffer {
  const bytes = Buffer.from(value, 'latin1');
  if (bytes.length < 127) return Buffer.concat([Buffer.from([bytes.length]), bytes]);
  const length = [127];
  let rest = bytes.length - 127;
  for (; rest >= 128; rest >>= 7) length.push((rest & 127) | 128);
  return Buffer.concat([Buffer.from([...length, rest]), bytes]);
}

/** A literal field; `indexed` puts it into the table, as number 62. */
export function field(name: string, value: string, indexed = false): Buffer {
  return Buffer.concat([Buffer.from([indexed ? 0x40 : 0]), text(name), text(value)]);
}

/** What begins a call. */
export function callFields(method: string): Buffer {
  const path = `/podhand.v1.ExecutorService/${method}`;
  const names = [
    [':method', 'POST'],
    [':scheme', 'http'],
    [':path', path],
    [':authority', 'a'],
    ['te', 'trailers'],
    ['content-type', 'application/grpc'],
  ];
  return Buffer.concat(names.map(([name = '', value = '']) => field(name, value)));
}

export function headers(
  stream: number,
  fields: Buffer = callFields('GetInfo'),
  flag: number = flags.endHeaders,
): Buffer {
  return frame(kinds.headers, flag, stream, fields);
}

/** An empty message of gRPC, which ends the stream. */
export function emptyMessage(stream: number): Buffer {
  return frame(kinds.data, flags.endStream, stream, Buffer.alloc(5));
}
