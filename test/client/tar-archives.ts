/** Archives as nobody's tar writes them. */

export interface Part {
  readonly name: string | Buffer;
  readonly type?: string;
  readonly content?: string | Buffer;
  readonly link?: string;
  readonly mode?: number;
  /** Where it is to differ from the content's. */
  readonly size?: number;
}

/** One entry: a header block, and the content filled up to whole blocks. */
export function entry({ name, type = '0', content = '', link = '', mode = 0o644, size }: Part): Buffer {
  const data = Buffer.from(content);
  const header = Buffer.alloc(512);
  Buffer.from(name).copy(header, 0, 0, 100);
  header.write(`${mode.toString(8).padStart(7, '0')}\0`, 100);
  header.write('0000000\0'.repeat(2), 108);
  header.write(`${(size ?? data.length).toString(8).padStart(11, '0')}\0`, 124);
  header.write('00000000001\0', 136);
  header.write(type, 156);
  header.write(link, 157, 100);
  header.write('ustar\x0000', 257);
  header.write('        ', 148);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return Buffer.concat([header, data, Buffer.alloc((512 - (data.length % 512)) % 512)]);
}

/** Records of PAX for the entry that follows. */
export function pax(records: Readonly<Record<string, string | Buffer>>): Buffer {
  const lines = Object.entries(records).map(([keyword, value]) => {
    const rest = Buffer.concat([Buffer.from(` ${keyword}=`), Buffer.from(value), Buffer.from('\n')]);
    let length = rest.length + 1;
    while (String(length).length + rest.length !== length) length += 1;
    return Buffer.concat([Buffer.from(String(length)), rest]);
  });
  return entry({ name: 'PaxHeaders/x', type: 'x', content: Buffer.concat(lines) });
}

/** A whole archive of the given pieces. */
export function archive(...pieces: readonly Buffer[]): Buffer {
  return Buffer.concat([...pieces, Buffer.alloc(1024)]);
}

/** In chunks of a size that fits nothing. */
export async function* inChunks(bytes: Buffer, size: number = 700): AsyncGenerator<Buffer> {
  for (let start = 0; start < bytes.length; start += size) yield bytes.subarray(start, start + size);
}
