import type { Reason } from '../../wire/errors.ts';

/** What a person can do about a failure. */
const hints: Partial<Record<Reason, string>> = {
  INVALID_PATH: 'a path is absolute and has no ".."',
  INVALID_SIGNAL: 'for example TERM, KILL, INT, HUP, USR1',
  POD_NOT_FOUND: 'on the admin socket, --pod namespace/name or --pod UID chooses a pod of this node',
  CONTAINER_NOT_FOUND: '"podhand ps" lists the containers of this pod',
  FILE_NOT_FOUND: 'the path is looked up inside the container, as its own processes see it',
  IMAGE_NOT_FOUND: 'the image must be in the image index, or be the image of a container of this pod',
  CONTAINER_NOT_STARTED: '"podhand logs -f --until-known" waits for it',
  CONTAINER_NOT_SEEN: 'write outputs to a volume, or use an executor that keeps the files of ended containers',
  NOT_A_REGULAR_FILE: '"podhand cp" takes directories too',
  NO_CALLER_CONTAINER: 'call it from a container of the pod; from the node, "podhand cp" brings the bytes here',
  DESTINATION_NOT_A_VOLUME: 'the destination must be on a volume that is mounted in this container',
  DESTINATION_EXISTS: '--overwrite replaces it',
  CALLER_UNKNOWN: 'the socket must be used by a process of the pod that it belongs to',
  CALLER_NOT_OF_POD: 'the socket must be used by a process of the pod that it belongs to',
  PERMISSION_DENIED: 'files are read with the rights of the container’s own user; the admin socket is for root',
  MOUNT_REFUSED: 'the agent’s configuration says which kinds of mounts may be read',
  AGENT_LACKS_RIGHT: 'docs/rights.md says which right of the agent is for what; deploy/ has all of them',
  FILE_TOO_LARGE: 'raise the limit, or use "podhand save"',
  TOO_MANY_CALLS: 'try again later, or end other calls of this pod',
  TRANSFER_TOO_SLOW: 'take the bytes faster (to a file first), use "podhand save", or try again later',
  LOG_LOST: 'the runtime rotated the log away before it was read; follow it while the container runs',
  ROLE_NOT_OFFERED: '"podhand info" shows what the executor in force can do, and why not',
  RUNTIME_UNAVAILABLE: 'the container runtime of the node does not answer the agent',
  AGENT_UNREACHABLE: 'is the agent running on this node, and is its socket mounted here? --socket PATH names another',
  KILL_UNCONFIRMED: 'a process in uninterruptible sleep cannot be killed; look at the node',
  DEADLINE_EXCEEDED: 'raise --timeout',
  INTERNAL: 'the agent’s log has the cause',
};

/** One sentence, or undefined where there is nothing to advise. */
export function hintFor(reason: string): string | undefined {
  return hints[reason as Reason];
}
