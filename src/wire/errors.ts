import { status } from './status.ts';

/**
 * Every reason that podhand gives for a failure. A reason is stable: clients may branch on it, and it travels as
 * `google.rpc.ErrorInfo.reason` with the domain `podhand.dev`. The code beside it says what the caller should do.
 */
export const reasons = {
  // The request is wrong and will stay wrong.
  INVALID_REQUEST: status.INVALID_ARGUMENT,
  INVALID_PATH: status.INVALID_ARGUMENT,
  INVALID_SIGNAL: status.INVALID_ARGUMENT,
  INVALID_CURSOR: status.INVALID_ARGUMENT,
  // What was named does not exist for this caller.
  POD_NOT_FOUND: status.NOT_FOUND,
  CONTAINER_NOT_FOUND: status.NOT_FOUND,
  FILE_NOT_FOUND: status.NOT_FOUND,
  IMAGE_NOT_FOUND: status.NOT_FOUND,
  /** Health was asked of a service that the agent does not have. */
  SERVICE_NOT_FOUND: status.NOT_FOUND,
  // The thing exists but its state or kind forbids the call.
  CONTAINER_NOT_RUNNING: status.FAILED_PRECONDITION,
  CONTAINER_NOT_STARTED: status.FAILED_PRECONDITION,
  /** The container ended before its root could be taken; its files are out of reach of this executor. */
  CONTAINER_NOT_SEEN: status.FAILED_PRECONDITION,
  NOT_A_REGULAR_FILE: status.FAILED_PRECONDITION,
  NOT_A_FILE_OR_DIRECTORY: status.FAILED_PRECONDITION,
  SYMLINK_LOOP: status.FAILED_PRECONDITION,
  NO_CALLER_CONTAINER: status.FAILED_PRECONDITION,
  DESTINATION_NOT_A_VOLUME: status.FAILED_PRECONDITION,
  DESTINATION_EXISTS: status.ALREADY_EXISTS,
  LOGS_UNAVAILABLE: status.FAILED_PRECONDITION,
  /** The executor signals by running the image's own kill, and the image has none. */
  KILL_NOT_IN_IMAGE: status.FAILED_PRECONDITION,
  /** The emissary executor reaches a container through its emissary, and this one has none that answers. */
  NOT_SUPERVISED: status.FAILED_PRECONDITION,
  SHARED_PROCESS_NAMESPACE: status.FAILED_PRECONDITION,
  /** A volume that the executor does not find on the node. */
  VOLUME_NOT_REACHABLE: status.FAILED_PRECONDITION,
  /** A symlink that leads out of the volume: where to, only the container itself can tell. */
  LINK_LEAVES_VOLUME: status.FAILED_PRECONDITION,
  // Rights.
  CALLER_UNKNOWN: status.UNAUTHENTICATED,
  CALLER_NOT_OF_POD: status.PERMISSION_DENIED,
  PERMISSION_DENIED: status.PERMISSION_DENIED,
  MOUNT_REFUSED: status.PERMISSION_DENIED,
  FILESYSTEM_REFUSED: status.PERMISSION_DENIED,
  /** The agent itself was not given what this call takes: a capability, or a right at the API server. */
  AGENT_LACKS_RIGHT: status.FAILED_PRECONDITION,
  // Limits; a retry later, or a smaller request, may succeed.
  FILE_TOO_LARGE: status.RESOURCE_EXHAUSTED,
  TREE_TOO_LARGE: status.RESOURCE_EXHAUSTED,
  TOO_MANY_ENTRIES: status.RESOURCE_EXHAUSTED,
  TREE_TOO_DEEP: status.RESOURCE_EXHAUSTED,
  TOO_MANY_CALLS: status.RESOURCE_EXHAUSTED,
  /** Its receiver was slow while others waited for a file reader. */
  TRANSFER_TOO_SLOW: status.RESOURCE_EXHAUSTED,
  NO_SPACE: status.RESOURCE_EXHAUSTED,
  // Changed under our hands; the same call may succeed.
  PATH_CHANGED: status.ABORTED,
  FILE_CHANGED: status.DATA_LOSS,
  LOG_LOST: status.DATA_LOSS,
  /** A file is not what its checksum says. */
  CHECKSUM_MISMATCH: status.DATA_LOSS,
  // The executor in force does not have this role.
  ROLE_NOT_OFFERED: status.UNIMPLEMENTED,
  // It has the role, but not this part of it.
  BASE_LAYER_NOT_OFFERED: status.UNIMPLEMENTED,
  LOG_SPLIT_NOT_OFFERED: status.UNIMPLEMENTED,
  SIGKILL_NOT_OFFERED: status.UNIMPLEMENTED,
  // The other side is away.
  /** The pod's socket is there before its source of pods names it. */
  POD_NOT_LISTED: status.UNAVAILABLE,
  RUNTIME_UNAVAILABLE: status.UNAVAILABLE,
  AGENT_STOPPING: status.UNAVAILABLE,
  AGENT_UNREACHABLE: status.UNAVAILABLE,
  // Signals were sent and the container is still there.
  KILL_UNCONFIRMED: status.DEADLINE_EXCEEDED,
  DEADLINE_EXCEEDED: status.DEADLINE_EXCEEDED,
  CANCELLED: status.CANCELLED,
  INTERNAL: status.INTERNAL,
} as const;

export type Reason = keyof typeof reasons;

/**
 * The one error class of podhand, on both sides of the socket. `message` is lower case, names what was wrong, where,
 * and what would be right; it never holds a path of the node. `details` are short facts for the log and for
 * `google.rpc.ErrorInfo.metadata`. `cause` stays on the side that made it.
 */
export class PodhandError extends Error {
  override readonly name = 'PodhandError';
  readonly reason: Reason;
  readonly details: Readonly<Record<string, string>>;

  constructor(reason: Reason, message: string, options: { details?: Record<string, string>; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.reason = reason;
    this.details = options.details ?? {};
  }

  /** The gRPC status code that goes with the reason. */
  get code(): number {
    return reasons[this.reason];
  }
}

/** True for the error that an AbortSignal of ours, or Node, throws when a call was ended from outside. */
export function isAbort(error: unknown): boolean {
  return error instanceof Error && (error.name === 'AbortError' || error.name === 'TimeoutError');
}
