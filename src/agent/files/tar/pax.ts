/** One record of a PAX extended header. Values are bytes, or ASCII text. */
export type PaxRecord = readonly [keyword: string, value: Uint8Array | string];

/** `<length> <keyword>=<value>\n`, one after the other; the length counts itself. */
export function encodePax(records: readonly PaxRecord[]): Uint8Array {
  const encoded = records.map(([keyword, value]) =>
    encodeRecord(keyword, typeof value === 'string' ? ascii(value) : value),
  );
  const body = new Uint8Array(encoded.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const record of encoded) {
    body.set(record, at);
    at += record.length;
  }
  return body;
}

function encodeRecord(keyword: string, value: Uint8Array): Uint8Array {
  const rest = 1 + keyword.length + 1 + value.length + 1;
  let length = rest + String(rest).length;
  if (String(length).length > String(rest).length) length = rest + String(length).length;
  const start = ascii(`${length} ${keyword}=`);
  const record = new Uint8Array(length).fill(0x0a);
  record.set(start);
  record.set(value, start.length);
  return record;
}

function ascii(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** The records of an extended header; undefined where it is malformed. The last of equal keywords wins. */
export function decodePax(body: Buffer): Map<string, Buffer> | undefined {
  const records = new Map<string, Buffer>();
  for (let at = 0; at < body.length; ) {
    const space = body.indexOf(0x20, at);
    const digits = space === -1 ? '' : body.toString('latin1', at, space);
    const end = at + Number(digits);
    const equals = body.indexOf(0x3d, space);
    if (!/^\d{1,10}$/.test(digits) || equals === -1 || equals >= end || end > body.length || body[end - 1] !== 0x0a) {
      return undefined;
    }
    records.set(body.toString('latin1', space + 1, equals), Buffer.from(body.subarray(equals + 1, end - 1)));
    at = end;
  }
  return records;
}
