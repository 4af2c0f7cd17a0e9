/** What /proc/PID/status says of a process, as far as podhand asks. Ids are those of the reader's user namespace. */
export interface ProcStatus {
  /** One letter: R, S, D, T, t, Z, X, I. */
  readonly state: string;
  readonly pid: number;
  readonly parentPid: number;
  readonly uid: { readonly real: number; readonly effective: number; readonly fileSystem: number };
  readonly gid: { readonly real: number; readonly effective: number; readonly fileSystem: number };
  readonly groups: readonly number[];
  readonly effectiveCapabilities: bigint;
  /** Its pid in each pid namespace, from the reader's to its own; `[pid]` on kernels without it. */
  readonly namespacePids: readonly number[];
}

/** Undefined where the text is not that of a process (it was cut short, or its process is gone). */
export function parseProcStatus(text: string): ProcStatus | undefined {
  const fields = new Map<string, string>();
  for (const line of text.split('\n')) {
    const colon = line.indexOf(':');
    // Name comes first and is the process's own choice; the kernel escapes newlines in it, so no line can be forged.
    if (colon > 0) fields.set(line.slice(0, colon), line.slice(colon + 1).trim());
  }
  const numbersOf = (name: string): number[] => (fields.get(name) ?? '').split(/\s+/).filter(Boolean).map(Number);
  const pid = numbersOf('Pid')[0];
  const parentPid = numbersOf('PPid')[0];
  const uid = identity(numbersOf('Uid'));
  const gid = identity(numbersOf('Gid'));
  const capabilities = fields.get('CapEff');
  if (pid === undefined || parentPid === undefined || !uid || !gid || !/^[0-9a-f]{1,16}$/.test(capabilities ?? '')) {
    return undefined;
  }
  const namespacePids = numbersOf('NSpid');
  return {
    state: fields.get('State')?.[0] ?? '',
    pid,
    parentPid,
    uid,
    gid,
    groups: numbersOf('Groups'),
    effectiveCapabilities: BigInt(`0x${capabilities}`),
    namespacePids: namespacePids.length > 0 ? namespacePids : [pid],
  };
}

function identity([real, effective, , fileSystem]: number[]): ProcStatus['uid'] | undefined {
  if (real === undefined || effective === undefined || fileSystem === undefined) return undefined;
  return { real, effective, fileSystem };
}

/**
 * When the process started, in clock ticks since boot, from /proc/PID/stat: together with the pid it names a process
 * for as long as the machine is up. Read after the last `)`: the command's name may hold spaces and parentheses.
 */
export function parseStartTime(stat: string): number | undefined {
  const afterName = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = Number(afterName[19]);
  return stat.includes(')') && Number.isSafeInteger(ticks) && afterName.length > 19 ? ticks : undefined;
}
