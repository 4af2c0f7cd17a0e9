import { blockBytes, padding } from '../../agent/files/tar/entry.ts';
import { encodePax, type PaxRecord } from '../../agent/files/tar/pax.ts';
import { octalLimits, typeFlags, writeUstar } from '../../agent/files/tar/ustar.ts';
import type { FileStatus } from '../system.ts';
import { utf8 } from '../utf8.ts';

export interface HeaderFields {
  readonly type: 'file' | 'directory' | 'symlink';
  /** Relative. */
  readonly path: string;
  readonly status: FileStatus;
  readonly target?: string;
}

const nameBytes = 100;

/** What stands before the content of an entry: ustar, and PAX records for what that cannot hold. */
export function tarHeader({ type, path, status, target }: HeaderFields): Uint8Array {
  const name = utf8(type === 'directory' ? `${path}/` : path);
  const linkName = utf8(target ?? '');
  const size = type === 'file' ? status.size : 0;
  const records: PaxRecord[] = [];
  if (isLong(name)) records.push(['path', name]);
  if (isLong(linkName)) records.push(['linkpath', linkName]);
  if (size > octalLimits.size) records.push(['size', String(size)]);
  if (status.uid > octalLimits.id) records.push(['uid', String(status.uid)]);
  if (status.gid > octalLimits.id) records.push(['gid', String(status.gid)]);
  const { mode, uid, gid, mtimeSeconds } = status;
  const header = ustar({ typeFlag: typeFlags[type], name, linkName, mode, uid, gid, size, mtimeSeconds });
  return records.length === 0 ? header : joined(extended(encodePax(records)), header);
}

/** Whether ustar cannot hold it as it is: too long, or not ASCII, which only PAX says to be UTF-8. */
function isLong(bytes: Uint8Array): boolean {
  return bytes.length > nameBytes || bytes.some((byte) => byte > 0x7e);
}

function extended(body: Uint8Array): Uint8Array {
  const owner = { mode: 0o644, uid: 0, gid: 0, mtimeSeconds: 0 };
  const name = utf8('././@PaxHeader');
  const header = ustar({ typeFlag: typeFlags.extended, name, size: body.length, ...owner });
  return joined(header, body, new Uint8Array(padding(body.length)));
}

function ustar(fields: Parameters<typeof writeUstar>[1]): Uint8Array {
  const block = new Uint8Array(blockBytes);
  writeUstar(block, fields);
  return block;
}

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
