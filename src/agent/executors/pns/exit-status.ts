import type { ContainerExit } from '../../pods/model.ts';
import type { HeldContainer } from '../../processes/held-container.ts';

/** Exit code and signal of a wait status, as waitpid(2) has it. */
export function decodeWaitStatus(status: number): { readonly exitCode: number; readonly signal?: number } {
  const signal = status & 0x7f;
  return signal === 0 ? { exitCode: (status >> 8) & 0xff } : { exitCode: 128 + signal, signal };
}

/** How the held container ended, as the kernel tells it; undefined where it does not tell the status. */
export function exitOfHeld(held: HeldContainer): ContainerExit | undefined {
  if (held.exit?.waitStatus === undefined) return undefined;
  const decoded = decodeWaitStatus(held.exit.waitStatus);
  return {
    ...decoded,
    // A process of the container was killed for memory and the container failed: without a failure it got over it.
    oomKilled: decoded.exitCode !== 0 && (held.lastUsage?.oomKills ?? 0) > 0,
    finishedAt: held.exit.exitedAt,
    source: 'pidfd',
  };
}

/** The word that Kubernetes has for it. */
export function exitReason(exit: ContainerExit): string {
  if (exit.exitCode === undefined) return 'Unknown';
  if (exit.exitCode === 0) return 'Completed';
  return exit.oomKilled ? 'OOMKilled' : 'Error';
}
