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
  /** Pid of the leader of its session; 0: it is in no pid namespace that the reader sees. Undefined on kernels without it. */
  readonly sessionId: number | undefined;
}

/** Undefined where the text is not that of a process (it was cut short, or its process is gone). */
export function parseProcStatus(text: string): ProcStatus | undefined {
  const fields = new Map<string, string>();
  // A line without its end may be cut short.
  for (const line of text.slice(0, Math.max(0, text.lastIndexOf('\n'))).split('\n')) {
    const colon = line.indexOf(':');
    // Name comes first and is the process's own choice; the kernel escapes newlines in it, so no line can be forged.
    if (colon > 0) fields.set(line.slice(0, colon), line.slice(colon + 1).trim());
  }
  const numbersOf = (name: string): number[] => wholeNumbers(fields.get(name) ?? '');
  const pid = numbersOf('Pid')[0];
  const parentPid = numbersOf('PPid')[0];
  const uid = identity(numbersOf('Uid'));
  const gid = identity(numbersOf('Gid'));
  const capabilities = fields.get('CapEff');
  if (pid === undefined || parentPid === undefined || !uid || !gid || !/^[0-9a-f]{16}$/.test(capabilities ?? '')) {
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
    sessionId: numbersOf('NSsid')[0],
  };
}

/** None where one of the words is something else: as a user id it would be taken for 0. */
function wholeNumbers(text: string): number[] {
  const words = text.split(/\s+/).filter(Boolean);
  return words.every((word) => /^\d{1,15}$/.test(word)) ? words.map(Number) : [];
}

function identity([real, effective, , fileSystem]: number[]): ProcStatus['uid'] | undefined {
  if (real === undefined || effective === undefined || fileSystem === undefined) return undefined;
  return { real, effective, fileSystem };
}

/**
 * The wait status of a zombie, from /proc/PID/stat. Undefined: it is none, the reader may not trace it, or the text was
 * cut short. Before Linux 5.17 it is that of the first thread, not of the process.
 */
export function parseZombieStatus(stat: string): number | undefined {
  const [state, ...fields] = afterName(stat);
  const isWaiting = fields[31];
  const status = fields[48] ?? '';
  // Who may not trace a process is told 0 for both: that it waits, as every zombie does, and how it has ended. The
  // status is the last field: the end of its line follows.
  return state === 'Z' && isWaiting === '1' && /^\d{1,5}\n$/.test(status) ? Number(status) : undefined;
}

/**
 * When the process started, in clock ticks since boot, from /proc/PID/stat: together with the pid it names a process
 * for as long as the machine is up. Read after the last `)`: the command's name may hold spaces and parentheses.
 */
export function parseStartTime(stat: string): number | undefined {
  const fields = afterName(stat);
  const ticks = fields[19] ?? '';
  // Another field follows: the number was not cut short.
  return fields.length > 20 && /^\d{1,15}$/.test(ticks) ? Number(ticks) : undefined;
}

function afterName(stat: string): string[] {
  const end = stat.lastIndexOf(')');
  return end < 0 ? [] : stat.slice(end + 2).split(' ');
}
