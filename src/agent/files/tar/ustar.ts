import { blockBytes } from './entry.ts';

// No Buffer here and in the encoder of pax.ts: the emissary, which has no Node, writes its headers with them too.

export const typeFlags = {
  file: 0x30,
  hardlink: 0x31,
  symlink: 0x32,
  directory: 0x35,
  /** PAX records for the next entry. */
  extended: 0x78,
} as const;

export interface UstarFields {
  readonly typeFlag: number;
  /** At most 100 bytes are kept; the rest must be told by PAX. */
  readonly name: Uint8Array;
  /** At most 155 bytes; joined with a slash before the name by the reader. */
  readonly prefix?: Uint8Array;
  readonly linkName?: Uint8Array;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly mtimeSeconds: number;
}

/** Largest values of the octal fields. */
export const octalLimits = { id: 0o7777777, size: 0o77777777777, mtime: 0o77777777777 } as const;

/** Writes one ustar header into the 512 bytes of `block`. A number that its field cannot hold is written as the nearest that it can. */
export function writeUstar(block: Uint8Array, fields: UstarFields): void {
  block.fill(0);
  block.set(fields.name.subarray(0, 100));
  octal(block, 100, 7, fields.mode, 0o7777);
  octal(block, 108, 7, fields.uid, octalLimits.id);
  octal(block, 116, 7, fields.gid, octalLimits.id);
  octal(block, 124, 11, fields.size, octalLimits.size);
  octal(block, 136, 11, fields.mtimeSeconds, octalLimits.mtime);
  block[156] = fields.typeFlag;
  if (fields.linkName !== undefined) block.set(fields.linkName.subarray(0, 100), 157);
  block.set(magic, 257);
  if (fields.prefix !== undefined) block.set(fields.prefix.subarray(0, 155), 345);
  checksum(block);
}

/** `ustar`, NUL, version 00. */
const magic = Uint8Array.of(0x75, 0x73, 0x74, 0x61, 0x72, 0, 0x30, 0x30);

function octal(block: Uint8Array, at: number, digits: number, value: number, most: number): void {
  let rest = Math.max(0, Math.min(value, most));
  for (let place = at + digits - 1; place >= at; place--) {
    block[place] = 0x30 + (rest % 8);
    rest = Math.floor(rest / 8);
  }
}

function checksum(block: Uint8Array): void {
  block.fill(0x20, 148, 156);
  let sum = 0;
  for (let at = 0; at < blockBytes; at++) sum += block[at] ?? 0;
  octal(block, 148, 6, sum, 0o777777);
  block[154] = 0;
}
