import { blockBytes, dataBytes, padding, type TarEntry } from './entry.ts';
import { encodePax, type PaxRecord } from './pax.ts';
import { sparseMap } from './sparse.ts';
import { octalLimits, typeFlags, writeUstar } from './ustar.ts';

const paxName = Buffer.from('././@PaxHeader');
const slash = Buffer.from('/');
const nothing = Buffer.alloc(0);

/**
 * Writes what stands before the content of an entry: ustar, and PAX records where ustar does not suffice (long names,
 * names that are not ASCII, big numbers, sparse files). Readers without PAX find ASCII names of up to 255 bytes, and the raw
 * bytes of others, in the ustar header.
 */
export class TarHeaders {
  readonly #block = Buffer.alloc(blockBytes);

  /**
   * The header of `entry`, and of a sparse file also its map. `contentBytes` is what must follow, before the padding.
   * The bytes are valid until the next call.
   */
  encode(entry: TarEntry): { header: Buffer; contentBytes: number } {
    const path = entry.type === 'directory' ? Buffer.concat([entry.path, slash]) : entry.path;
    const map = entry.segments === undefined ? nothing : sparseMap(entry.segments, entry.size);
    const contentBytes = entry.segments === undefined ? entry.size : dataBytes(entry.segments);
    const size = map.length + contentBytes;
    const split = splitName(path);
    const records = paxRecords(entry, path, split === undefined, size);
    const { prefix = nothing, name = path } = split ?? {};
    const { mode, uid, gid, mtimeSeconds, linkPath = nothing } = entry;
    writeUstar(this.#block, {
      typeFlag: typeFlags[entry.type],
      name,
      prefix,
      linkName: linkPath,
      mode,
      uid,
      gid,
      size,
      mtimeSeconds,
    });
    if (records.length === 0) return { header: this.#block, contentBytes };
    return { header: Buffer.concat([extendedHeader(records), this.#block, map]), contentBytes };
  }
}

/** What ends an archive. */
export const endOfArchive = Buffer.alloc(2 * blockBytes);

function extendedHeader(records: readonly PaxRecord[]): Buffer {
  const body = encodePax(records);
  const block = Buffer.alloc(blockBytes + body.length + padding(body.length));
  const size = body.length;
  writeUstar(block.subarray(0, blockBytes), {
    typeFlag: typeFlags.extended,
    name: paxName,
    mode: 0o644,
    uid: 0,
    gid: 0,
    size,
    mtimeSeconds: 0,
  });
  block.set(body, blockBytes);
  return block;
}

function paxRecords(entry: TarEntry, path: Buffer, nameIsLong: boolean, size: number): PaxRecord[] {
  const records: PaxRecord[] = [];
  const { linkPath, uid, gid, mtimeSeconds } = entry;
  const pathNeeded = nameIsLong || !isAscii(path);
  const linkNeeded = linkPath !== undefined && (linkPath.length > 100 || !isAscii(linkPath));
  // PAX values are UTF-8 unless said otherwise, and it must be said first.
  if ((pathNeeded && !isUtf8(path)) || (linkNeeded && !isUtf8(linkPath))) records.push(['hdrcharset', 'BINARY']);
  if (entry.segments !== undefined) {
    records.push(['GNU.sparse.major', '1'], ['GNU.sparse.minor', '0']);
    records.push(['GNU.sparse.name', path], ['GNU.sparse.realsize', String(entry.size)]);
  } else if (pathNeeded) {
    records.push(['path', path]);
  }
  if (linkNeeded) records.push(['linkpath', linkPath]);
  if (size > octalLimits.size) records.push(['size', String(size)]);
  if (uid > octalLimits.id) records.push(['uid', String(uid)]);
  if (gid > octalLimits.id) records.push(['gid', String(gid)]);
  if (mtimeSeconds < 0 || mtimeSeconds > octalLimits.mtime) records.push(['mtime', String(mtimeSeconds)]);
  return records;
}

/** The ustar fields of a path; undefined where it fits none. */
function splitName(path: Buffer): { prefix: Buffer; name: Buffer } | undefined {
  if (path.length <= 100) return { prefix: nothing, name: path };
  if (path.length > 256) return undefined;
  // The name may be at most 100 bytes and must not be empty: a directory's own last slash does not count.
  const at = path.indexOf(0x2f, path.length - 101);
  return at > 0 && at <= 155 && at < path.length - 1
    ? { prefix: path.subarray(0, at), name: path.subarray(at + 1) }
    : undefined;
}

function isAscii(bytes: Buffer): boolean {
  for (let at = 0; at < bytes.length; at++) if ((bytes[at] ?? 0) > 0x7e) return false;
  return true;
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

function isUtf8(bytes: Buffer): boolean {
  try {
    utf8.decode(bytes);
    return true;
  } catch {
    return false;
  }
}
