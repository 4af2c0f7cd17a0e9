import { isAbort, PodhandError, type Reason } from '../../wire/errors.ts';
import { isConnectionError } from '../http/connection-error.ts';

/** Which of the two answered. */
export type KubernetesServer = 'kubelet' | 'API server';

/** What an answer means where the same status means different things for different calls. */
export type StatusMeaning = Readonly<Record<number, readonly [reason: Reason, message: string]>>;

/** An answer with a status that is no success. Its text is for the agent's log, never for a caller. */
export class KubernetesStatusError extends Error {
  override readonly name = 'KubernetesStatusError';
  readonly status: number;

  constructor(status: number, text: string) {
    super(`answered ${status}: ${text}`);
    this.status = status;
  }
}

/** What the TLS layer calls a certificate that it does not accept. */
const untrusted =
  /^(?:ERR_TLS_|CERT_|UNABLE_TO_|DEPTH_ZERO_SELF_SIGNED_CERT$|SELF_SIGNED_CERT_IN_CHAIN$|HOSTNAME_MISMATCH$|INVALID_CA$)/;

export function statusOf(error: unknown): number | undefined {
  return error instanceof KubernetesStatusError ? error.status : undefined;
}

/** True where the server could not be reached, cannot be trusted, is overloaded, or does not know the agent's token. */
export function isServerAway(error: unknown): boolean {
  if (error instanceof PodhandError) return error.reason === 'RUNTIME_UNAVAILABLE';
  const status = statusOf(error);
  if (status !== undefined) return status === 401 || status === 429 || status >= 500;
  return isConnectionError(error) || isUntrusted(error);
}

function isUntrusted(error: unknown): boolean {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' && untrusted.test(code);
}

/**
 * The one place where a failure of kubelet or API server becomes a PodhandError: by status or system error code, never
 * by text. An abort and a PodhandError pass through unchanged.
 */
export function translateKubernetesError(
  error: unknown,
  server: KubernetesServer,
  meaning: StatusMeaning = {},
): unknown {
  if (error instanceof PodhandError || isAbort(error)) return error;
  const status = statusOf(error);
  const meant = status === undefined ? undefined : meaning[status];
  if (meant !== undefined) return new PodhandError(meant[0], meant[1], { cause: error });
  if (isServerAway(error)) {
    const what = isUntrusted(error) ? 'has a certificate that the cluster did not issue' : 'cannot be reached';
    const refused = status === 401 ? "does not take the agent's token" : what;
    return new PodhandError('RUNTIME_UNAVAILABLE', `the ${server} ${refused}`, { cause: error });
  }
  if (status === 403) {
    const message = `the ${server} refuses the agent: a right that docs/rights.md lists is missing`;
    return new PodhandError('AGENT_LACKS_RIGHT', message, { cause: error });
  }
  if (status === 404) {
    return new PodhandError('CONTAINER_NOT_FOUND', `the ${server} does not know this container`, { cause: error });
  }
  const said = status === undefined ? '' : ` with status ${status}`;
  return new PodhandError('INTERNAL', `the ${server} failed${said}`, { cause: error });
}
