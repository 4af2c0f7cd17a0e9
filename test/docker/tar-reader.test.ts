import { pack } from 'tar-stream';
import { describe, expect, it } from 'vitest';
import { type ReadEntry, TarReader } from '../../src/agent/files/archive/tar-reader.ts';

/** The bytes cut into batches of one buffer of `size`. */
function reader(bytes: Buffer, size = bytes.length): TarReader {
  let at = 0;
  return new TarReader({
    read: async () => {
      if (at >= bytes.length) return undefined;
      const part = bytes.subarray(at, at + size);
      at += size;
      return [part];
    },
  });
}

async function readAll(tar: TarReader): Promise<{ entry: ReadEntry; content: string }[]> {
  const all = [];
  for (let entry = await tar.next(); entry !== undefined; entry = await tar.next()) {
    const parts: Buffer[] = [];
    for await (const part of tar.content()) parts.push(part);
    all.push({ entry, content: Buffer.concat(parts).toString() });
  }
  return all;
}

async function sample(): Promise<Buffer> {
  const tar = pack();
  tar.entry({ name: 'd/', type: 'directory', mode: 0o755, uid: 1, gid: 2, mtime: new Date(5_000) });
  tar.entry({ name: 'd/file', mode: 0o640, gid: 2, pax: { uid: '3000000' } }, 'content');
  tar.entry({ name: `d/${'long/'.repeat(60)}name`, mode: 0o600 }, 'x'.repeat(1500));
  tar.entry({ name: 'd/link', type: 'symlink', linkname: 'file' });
  tar.entry({ name: 'd/hard', type: 'link', linkname: 'd/file' });
  tar.finalize();
  const parts: Buffer[] = [];
  for await (const part of tar) parts.push(part as Buffer);
  return Buffer.concat(parts);
}

/** Changes the first header and makes its checksum right again. */
function withHeader(bytes: Buffer, change: (header: Buffer) => void): Buffer {
  const changed = Buffer.from(bytes);
  const header = changed.subarray(0, 512);
  change(header);
  header.fill(0x20, 148, 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return changed;
}

describe("the reader of the engine's archives", () => {
  it.each([1, 7, 511, 512, 513, 100_000])('reads an archive that comes in pieces of %i bytes', async (size) => {
    const all = await readAll(reader(await sample(), size));
    expect(all.map(({ entry: { type, path }, content }) => [type, path.toString(), content.length])).toEqual([
      ['directory', 'd/', 0],
      ['file', 'd/file', 7],
      ['file', `d/${'long/'.repeat(60)}name`, 1500],
      ['symlink', 'd/link', 0],
      ['hardlink', 'd/hard', 0],
    ]);
    expect(all[0]?.entry).toMatchObject({ mode: 0o755, uid: 1, gid: 2, mtimeSeconds: 5 });
    expect(all[1]?.entry).toMatchObject({ uid: 3_000_000, size: 7 });
    expect(all[4]?.entry.linkPath.toString()).toBe('d/file');
  });

  it('passes over content that is not read', async () => {
    const tar = reader(await sample(), 100);
    const paths = [];
    for (let entry = await tar.next(); entry !== undefined; entry = await tar.next()) paths.push(entry.path.length);
    expect(paths).toHaveLength(5);
  });

  it('refuses an archive that breaks off anywhere', async () => {
    const whole = await sample();
    for (let length = 0; length < whole.length - 1024; length += 97) {
      await expect(readAll(reader(whole.subarray(0, length))), `${length}`).rejects.toMatchObject({
        reason: 'FILE_CHANGED',
      });
    }
  });

  it.each<[string, (header: Buffer) => void]>([
    ['a type that it does not know', (header) => header.write('Z', 156)],
    ['a sparse file', (header) => header.write('S', 156)],
    ['a size that is no number', (header) => header.write('00000x00000\0', 124)],
    ['a size that is negative', (header) => header.fill(0xff, 124, 136)],
    ['a size beyond what can be counted', (header) => header.fill(0x80, 124, 125).fill(0xff, 125, 136)],
    ['no magic', (header) => header.fill(0, 257, 265)],
    ['an extended header without end', (header) => header.write('x', 156) && header.write('77777777777\0', 124)],
    ['a long name without end', (header) => header.write('L', 156) && header.write('77777777777\0', 124)],
  ])('refuses %s', async (_name, change) => {
    await expect(readAll(reader(withHeader(await sample(), change)))).rejects.toMatchObject({ reason: 'FILE_CHANGED' });
  });

  it('refuses a header whose checksum is wrong', async () => {
    const bytes = await sample();
    bytes[0] = 0x78;
    await expect(readAll(reader(bytes))).rejects.toMatchObject({ reason: 'FILE_CHANGED' });
  });

  it.each(['5 path=x\n', '11 path=', 'path=x\n', '9999999999 path=x\n', '10 path=xyz'])(
    'refuses the extended header %j',
    async (records) => {
      const header = withHeader(Buffer.alloc(512), (block) => {
        block.write('x', 0);
        block.write(`${records.length.toString(8).padStart(11, '0')}\0`, 124);
        block.write('x', 156);
        block.write('ustar\u000000', 257, 'latin1');
      });
      const body = Buffer.alloc(512);
      body.write(records);
      await expect(readAll(reader(Buffer.concat([header, body, await sample()])))).rejects.toMatchObject({
        reason: 'FILE_CHANGED',
      });
    },
  );
});
