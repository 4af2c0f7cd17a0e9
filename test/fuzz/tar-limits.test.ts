import { describe, expect, test } from 'vitest';
import { padding } from '../../src/agent/files/tar/entry.ts';
import { TarHeaders } from '../../src/agent/files/tar/headers.ts';
import { encodePax } from '../../src/agent/files/tar/pax.ts';
import { TarFormatError, TarReader } from '../../src/agent/files/tar/read.ts';

describe('what would take memory or time without end is refused', () => {
  const header = (path: string, size: number) =>
    Buffer.from(
      new TarHeaders().encode({
        type: 'file',
        path: Buffer.from(path),
        mode: 0o644,
        uid: 0,
        gid: 0,
        size,
        mtimeSeconds: 0,
      }).header,
    );
  const asType = (block: Buffer, flag: string) => {
    block.write(flag, 156, 'latin1');
    block.fill(' ', 148, 156);
    const sum = block.reduce((total, byte) => total + byte, 0);
    block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
    return block;
  };

  test.each(['x', 'g', 'L', 'K'])('headers of type %s one after the other', (flag) => {
    let pulled = 0;
    const reader = new TarReader(() => {
      pulled++;
      const body = Buffer.from(encodePax([[`key${pulled}`, 'v'.repeat(60_000)]]));
      return Buffer.concat([asType(header('x', body.length), flag), body, Buffer.alloc(padding(body.length))]);
    });
    expect(() => reader.next()).toThrow(TarFormatError);
    expect(pulled).toBeLessThan(20);
  });

  /** Work that grows with the square of the map takes minutes here, and the test its time. */
  test('a sparse map of 100,000 parts is read block by block; one more part is too many', () => {
    const sparse = (parts: number) => {
      const segments = Array.from({ length: parts }, (_, at) => ({ offset: at * 2, length: 1 }));
      const entry = {
        type: 'file',
        path: Buffer.from('s'),
        mode: 0,
        uid: 0,
        gid: 0,
        size: parts * 2 - 1,
        mtimeSeconds: 0,
      } as const;
      const { header, contentBytes } = new TarHeaders().encode({ ...entry, segments });
      return [Buffer.from(header), Buffer.alloc(contentBytes)];
    };
    const pieces = sparse(100_000);
    expect(new TarReader(() => pieces.shift()).next()?.segments).toHaveLength(100_000);
    const more = sparse(100_001);
    expect(() => new TarReader(() => more.shift()).next()).toThrow(TarFormatError);
  });
});
