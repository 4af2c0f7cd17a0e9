import { ByteReader } from './byte-reader.ts';
import { blockSize, brokenArchive, type Header, parseHeader } from './header.ts';
import { type PaxRecords, parsePax, paxNumber } from './pax.ts';
import { type Extent, readSparseMap } from './sparse.ts';

/** Longer records or names are refused: they are read into memory. */
const maxRecordBytes = 1024 * 1024;

export type EntryType = 'file' | 'directory' | 'symlink' | 'hardlink';

/** One entry. Its content must be read, or left, before the next one is asked for. */
export interface Entry {
  readonly type: EntryType;
  /** As the archive has it, unchecked. */
  readonly name: Buffer;
  /** Of links: what they point to. */
  readonly target: Buffer;
  readonly mode: number;
  readonly modifiedAt: number;
  /** Length of the file, holes included. */
  readonly size: number;
  /** The data, each piece with its place in the file. */
  content(): AsyncIterable<{ readonly offset: number; readonly bytes: Uint8Array }>;
}

const types: Readonly<Record<string, EntryType>> = {
  '0': 'file',
  '7': 'file',
  '1': 'hardlink',
  '2': 'symlink',
  '5': 'directory',
};

/**
 * The entries of a tar archive (ustar, PAX with GNU's sparse files, GNU long names), one at a time. Errors: INTERNAL
 * for an archive that is broken, cut off, or holds what is neither file, directory nor link.
 */
export async function* tarEntries(source: AsyncIterable<Uint8Array>): AsyncGenerator<Entry, void, undefined> {
  const reader = new ByteReader(source);
  let pending = noRecords();
  for (;;) {
    const block = await reader.read(blockSize);
    if (block === undefined) throw brokenArchive('it is cut off');
    const header = parseHeader(block);
    if (header === undefined) break;
    if ('xgLK'.includes(header.type)) {
      pending = merged(pending, header.type, await readRecord(reader, header));
      continue;
    }
    const { entry, unread } = await openEntry(reader, header, pending);
    pending = noRecords();
    yield entry;
    if (!(await reader.skip(unread()))) throw brokenArchive('it is cut off');
  }
  // The sender fills up with zeros, and its trailer comes after them.
  await reader.drain();
}

interface Records {
  readonly pax: PaxRecords;
  readonly longName?: Buffer;
  readonly longLink?: Buffer;
}

function noRecords(): Records {
  return { pax: new Map() };
}

function merged(records: Records, type: string, bytes: Buffer): Records {
  if (type === 'x') return { ...records, pax: parsePax(bytes) };
  const end = bytes.indexOf(0);
  const name = end < 0 ? bytes : bytes.subarray(0, end);
  if (type === 'L') return { ...records, longName: name };
  if (type === 'K') return { ...records, longLink: name };
  return records;
}

async function readRecord(reader: ByteReader, header: Header): Promise<Buffer> {
  if (header.size > maxRecordBytes) throw brokenArchive('a record is longer than 1 MiB');
  const bytes = await reader.read(padded(header.size));
  if (bytes === undefined) throw brokenArchive('it is cut off');
  return bytes.subarray(0, header.size);
}

async function openEntry(reader: ByteReader, header: Header, { pax, longName, longLink }: Records) {
  const type = types[header.type];
  if (type === undefined) throw brokenArchive(`an entry has the type "${header.type}"`);
  const stored = type === 'file' ? (paxNumber(pax, 'size') ?? header.size) : 0;
  if (stored < 0) throw brokenArchive('an entry has a negative size');
  const sparse = paxNumber(pax, 'GNU.sparse.major') === 1;
  const size = sparse ? (paxNumber(pax, 'GNU.sparse.realsize') ?? stored) : stored;
  const { extents, mapBytes } = sparse
    ? await readSparseMap(reader, stored, size)
    : { extents: [{ offset: 0, length: stored }], mapBytes: 0 };
  let left = padded(stored) - mapBytes;
  const entry: Entry = {
    type,
    name: pax.get('GNU.sparse.name') ?? pax.get('path') ?? longName ?? header.name,
    target: pax.get('linkpath') ?? longLink ?? header.linkName,
    mode: header.mode,
    modifiedAt: paxNumber(pax, 'mtime') ?? header.modifiedAt,
    size,
    content: () =>
      readExtents(reader, extents, (count) => {
        left -= count;
      }),
  };
  return { entry, unread: () => left };
}

async function* readExtents(reader: ByteReader, extents: readonly Extent[], took: (count: number) => void) {
  for (const extent of extents) {
    let { offset } = extent;
    for await (const bytes of reader.pieces(extent.length)) {
      took(bytes.length);
      yield { offset, bytes };
      offset += bytes.length;
    }
    if (offset !== extent.offset + extent.length) throw brokenArchive('it is cut off');
  }
}

function padded(size: number): number {
  return Math.ceil(size / blockSize) * blockSize;
}
