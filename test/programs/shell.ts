/**
 * The programs of this directory are scripts for busybox's shell, for the images with a shell. A script is made of
 * constants and numbers, never of input.
 */
export function sh(...steps: readonly string[]): string[] {
  return ['sh', '-c', steps.join('\n')];
}

/** Last step of a container that has prepared something: says `ready`, then stays until TERM, and exits with 0. */
export const staysReady = 'echo ready; trap "exit 0" TERM; while :; do sleep 3600 & wait $!; done';
