/** What the thread of ExitWatch tells of a process that has ended. */
export interface Ended {
  readonly token: number;
  /** As waitpid(2) has it; undefined where it was not asked for, or the parent had reaped the process by then. */
  readonly waitStatus: number | undefined;
}

/** The token that ends the thread. */
export const STOP = 0;

/** More than a process may have open where nobody has raised the kernel's own limit. */
const descriptors = 2 ** 22;

/** `order` is never used twice; the descriptor of /proc/PID/stat travels with it. Below 2^53, as a token of epoll is. */
export function tokenOf(order: number, stat: number | undefined): number {
  return order * descriptors + (stat === undefined || stat >= descriptors - 1 ? 0 : stat + 1);
}

export function statOf(token: number): number | undefined {
  const stat = token % descriptors;
  return stat === 0 ? undefined : stat - 1;
}
