/** One line of /proc/PID/mountinfo. */
export interface MountEntry {
  readonly mountId: number;
  readonly parentId: number;
  /** `major:minor`, as statx's `dev`. */
  readonly dev: string;
  /** Path, inside that file system, of the directory or file that is mounted. */
  readonly root: string;
  /** As the process sees it. */
  readonly mountPoint: string;
  readonly readOnly: boolean;
  readonly fsType: string;
  readonly source: string;
  /** Of the file system: a cgroup v1 mount's controllers are among them. */
  readonly superOptions: readonly string[];
}

/** Lines that are no mounts (a text cut short) are left out. Bytes that are not UTF-8 come as U+FFFD. */
export function parseMountInfo(text: string): MountEntry[] {
  return text.split('\n').flatMap((line) => parseLine(line) ?? []);
}

function parseLine(line: string): MountEntry | undefined {
  const fields = line.split(' ');
  const [mountId, parentId, dev, root, mountPoint, options] = fields;
  // Any number of optional fields, then a lone dash.
  const dash = fields.indexOf('-', 6);
  const fsType = fields[dash + 1];
  const source = fields[dash + 2];
  if (mountPoint === undefined || root === undefined || dev === undefined || options === undefined || dash < 0) {
    return undefined;
  }
  if (fsType === undefined || source === undefined) return undefined;
  const ids = [mountId, parentId].map((id) => (/^\d{1,15}$/.test(id ?? '') ? Number(id) : undefined));
  if (ids[0] === undefined || ids[1] === undefined) return undefined;
  return {
    mountId: ids[0],
    parentId: ids[1],
    dev,
    root: decodeOctal(root),
    mountPoint: decodeOctal(mountPoint),
    readOnly: options.split(',').includes('ro'),
    fsType: decodeOctal(fsType),
    source: decodeOctal(source),
    superOptions: fields[dash + 3]?.split(',') ?? [],
  };
}

/** The kernel writes space, tab, newline, backslash and `#` as three octal digits. */
function decodeOctal(field: string): string {
  return field.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}
