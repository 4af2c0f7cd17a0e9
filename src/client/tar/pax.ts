import { brokenArchive } from './header.ts';

/** PAX records of one entry, by keyword. Values are bytes: a name need not be UTF-8. */
export type PaxRecords = ReadonlyMap<string, Buffer>;

/** Records of the form `LENGTH KEYWORD=VALUE\n`. Errors: INTERNAL where they are malformed. */
export function parsePax(bytes: Buffer): PaxRecords {
  const records = new Map<string, Buffer>();
  let offset = 0;
  while (offset < bytes.length) {
    const space = bytes.indexOf(0x20, offset);
    const length = Number(bytes.subarray(offset, Math.max(space, offset)).toString('latin1'));
    const record = bytes.subarray(space + 1, offset + length);
    const equals = record.indexOf('=');
    if (!Number.isSafeInteger(length) || offset + length > bytes.length || equals <= 0 || record.at(-1) !== 0x0a) {
      throw brokenArchive('malformed PAX records');
    }
    records.set(record.subarray(0, equals).toString('latin1'), Buffer.from(record.subarray(equals + 1, -1)));
    offset += length;
  }
  return records;
}

/** A decimal number of the records; undefined where there is none. */
export function paxNumber(records: PaxRecords, keyword: string): number | undefined {
  const text = records.get(keyword)?.toString('latin1');
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!/^-?\d+(\.\d+)?$/.test(text) || Math.abs(value) > Number.MAX_SAFE_INTEGER) {
    throw brokenArchive(`PAX record ${keyword} is no number`);
  }
  return value;
}
