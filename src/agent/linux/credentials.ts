import { CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_SETGID, CAP_SETUID, fileCapabilities } from './constants.ts';
import { bindSyscall } from './syscalls.ts';

/** With whose rights files are opened. */
export interface FileCredentials {
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
  /**
   * Its effective set. Must be 0n for a process of another user namespace: what it may do there, it may not do here.
   */
  readonly capabilities: bigint;
}

/** This process was not given what another user's files take. */
export class CapabilityMissing extends Error {
  override readonly name = 'CapabilityMissing';

  constructor(needed: string) {
    super(`another user’s files take ${needed}`);
  }
}

const raw = {
  setfsuid: bindSyscall('setfsuid', 'number'),
  setfsgid: bindSyscall('setfsgid', 'number'),
  getgroups: bindSyscall('getgroups', 'number', 'memory'),
  setgroups: bindSyscall('setgroups', 'number', 'memory'),
  capget: bindSyscall('capget', 'memory', 'memory'),
  capset: bindSyscall('capset', 'memory', 'memory'),
};
const NGROUPS_MAX = 65_536;
const CAPABILITY_VERSION_3 = 0x20080522;

/**
 * Runs `action` with the file system rights of `wanted`: user, group, supplementary groups, and of its capabilities
 * those that concern files (as far as the agent has them; of CAP_DAC_OVERRIDE at least the reading). Nothing else of the process changes, and no other thread:
 * these are the calling thread's own, set by raw system calls. So `action` must be synchronous, and what it opens
 * should be opened by it, not later. The rights are back before this returns or throws; if they cannot be brought back
 * the process is aborted, since it would go on with somebody else's rights, or with too many.
 */
export function withCredentials<T>(wanted: FileCredentials, action: () => T): T {
  const own = ownCredentials();
  const other = !isOwn(wanted, own);
  if (other && !mayBecomeOthers()) throw new CapabilityMissing('CAP_SETUID and CAP_SETGID');
  try {
    if (other) become(wanted);
    // Last: until here CAP_SETUID and CAP_SETGID are needed, and setfsuid from and to 0 edits the effective set.
    const effective = fileRights(wanted.capabilities) & own.capabilities.permitted;
    setCapabilities({ ...own.capabilities, effective });
    const result = action();
    if (result instanceof Promise) throw new TypeError('withCredentials takes a synchronous action');
    return result;
  } finally {
    restore(own, other);
  }
}

/**
 * Runtimes give root CAP_DAC_OVERRIDE, which reads whatever CAP_DAC_READ_SEARCH does, without giving it the latter; an
 * agent that only reads has the latter alone.
 */
function fileRights(capabilities: bigint): bigint {
  const reads = (capabilities & CAP_DAC_OVERRIDE) === 0n ? 0n : CAP_DAC_READ_SEARCH;
  return (capabilities & fileCapabilities) | reads;
}

interface OwnCredentials {
  readonly uid: number;
  readonly gid: number;
  readonly groups: Uint32Array;
  readonly capabilities: CapabilitySets;
}

function ownCredentials(): OwnCredentials {
  return { uid: fsuid(), gid: fsgid(), groups: groups(), capabilities: capabilities() };
}

/** Whether this process may take another's rights. Without it `withCredentials` is good for `ownFileCredentials` alone. */
export function mayBecomeOthers(): boolean {
  const needed = CAP_SETUID | CAP_SETGID;
  return (capabilities().effective & needed) === needed;
}

/** User and groups of the calling thread, with no capability. */
export function ownFileCredentials(): FileCredentials {
  return { uid: fsuid(), gid: fsgid(), groups: [...groups()], capabilities: 0n };
}

function isOwn(wanted: FileCredentials, own: OwnCredentials): boolean {
  const { uid, gid, groups: list } = own;
  return wanted.uid === uid && wanted.gid === gid && `${wanted.groups}` === `${[...list]}`;
}

function become(wanted: FileCredentials): void {
  raw.setgroups(wanted.groups.length, Uint32Array.from(wanted.groups));
  setIdentity(wanted.uid, wanted.gid);
}

function restore(own: OwnCredentials, other: boolean): void {
  try {
    // First, to be allowed the rest; and last, because setfsuid edits the effective set.
    setCapabilities(own.capabilities);
    if (other) {
      setIdentity(own.uid, own.gid);
      raw.setgroups(own.groups.length, own.groups);
      setCapabilities(own.capabilities);
    }
    if (Buffer.compare(bytes(groups()), bytes(own.groups)) === 0 && sameSets(capabilities(), own.capabilities)) return;
  } catch {
    // Whatever it was: this thread's rights are not its own.
  }
  process.abort();
}

/** setfsuid and setfsgid never fail: whether they worked is seen by looking. */
function setIdentity(uid: number, gid: number): void {
  raw.setfsgid(gid);
  raw.setfsuid(uid);
  if (fsuid() !== uid || fsgid() !== gid)
    throw new Error(`file credentials ${uid}:${gid} are not allowed to this process`);
}

const NO_ID = -1;

function fsuid(): number {
  return raw.setfsuid(NO_ID);
}

function fsgid(): number {
  return raw.setfsgid(NO_ID);
}

function groups(): Uint32Array {
  const count = raw.getgroups(0, null);
  const list = new Uint32Array(Math.min(count, NGROUPS_MAX));
  raw.getgroups(list.length, list);
  return list;
}

function bytes(list: Uint32Array): Uint8Array {
  return new Uint8Array(list.buffer, list.byteOffset, list.byteLength);
}

interface CapabilitySets {
  readonly effective: bigint;
  readonly permitted: bigint;
  readonly inheritable: bigint;
}

/** Of this thread: pid 0 in the header. */
const capabilityHeader = new Uint32Array([CAPABILITY_VERSION_3, 0]);

function capabilities(): CapabilitySets {
  const data = new Uint32Array(6);
  raw.capget(capabilityHeader, data);
  const set = (at: number): bigint => (BigInt(data[at + 3] ?? 0) << 32n) | BigInt(data[at] ?? 0);
  return { effective: set(0), permitted: set(1), inheritable: set(2) };
}

function setCapabilities({ effective, permitted, inheritable }: CapabilitySets): void {
  const sets = [effective, permitted, inheritable];
  const low = sets.map((set) => Number(set & 0xffffffffn));
  const high = sets.map((set) => Number(set >> 32n));
  raw.capset(capabilityHeader, new Uint32Array([...low, ...high]));
}

function sameSets(one: CapabilitySets, other: CapabilitySets): boolean {
  return (
    one.effective === other.effective && one.permitted === other.permitted && one.inheritable === other.inheritable
  );
}
