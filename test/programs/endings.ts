import { sh } from './shell.ts';

/** Ends within a millisecond or so of being started, with 0. Runs in the image without a shell too. */
export const endsAtOnce = ['/bin/true'];

export function exitsWith(code: number): string[] {
  return sh(`exit ${code}`);
}

/**
 * Exits with 137 by itself, as a shell does whose child was killed. No signal ended this container. (Process 1 of a pid
 * namespace cannot kill itself: for a death by signal 9 the test has to send it.)
 */
export const exitsAsIfKilled = sh('sh -c \'kill -9 $$\'; exit "$?"');

/** Needs a memory limit, of 32 MiB say: then the kernel kills the container's first process. */
export const runsOutOfMemory = ['tail', '/dev/zero'];

/** The kernel kills a child, and the container goes on to exit with 3. */
export const childRunsOutOfMemory = sh('tail /dev/zero', 'exit 3');

/** A shell that refuses TERM. Only KILL ends it. */
export const ignoresTerm = sh('trap "" TERM INT HUP QUIT', 'echo ready', 'while :; do sleep 1; done');

/** No handler at all: as process 1 it does not even notice TERM. */
export const deafToTerm = ['sleep', '100000'];

/** Takes its time: on TERM it works for so many seconds, says `bye`, and exits with the code. */
export function endsOnTerm(code: number, afterSeconds = 0): string[] {
  const ending = `trap 'sleep ${afterSeconds}; echo bye; exit ${code}' TERM`;
  return sh(ending, 'echo ready', 'while :; do sleep 1 & wait $!; done');
}

/** The first process ends while a grandchild still has its standard output. */
export const leavesGrandchild = sh('(sleep 100000 &)', 'echo done', 'exit 5');

/** So many children that refuse TERM. */
export function hasChildren(count: number): string[] {
  const child = 'sh -c \'trap "" TERM; while :; do sleep 1; done\' &';
  return sh(`for i in $(seq ${count}); do ${child} done`, 'echo ready', 'wait');
}
