import type { OutputFormat } from '../output/document.ts';

/** The options that every command has. */
export interface GlobalOptions {
  readonly socket?: string;
  readonly admin?: boolean;
  readonly pod?: string;
  readonly output?: OutputFormat;
  /** Milliseconds. */
  readonly timeout?: number;
  /** Milliseconds. */
  readonly retryFor: number;
  readonly quiet?: boolean;
}

const podSocket = '/run/podhand/agent.sock';
const adminSocket = '/run/podhand/admin.sock';

/** The socket to call: the option, else the admin socket where it was asked for, else PODHAND_SOCKET, else the pod's. */
export function socketOf(options: GlobalOptions, env: NodeJS.ProcessEnv): string {
  if (options.socket !== undefined) return options.socket;
  if (options.admin === true || options.pod !== undefined) return adminSocket;
  return env.PODHAND_SOCKET || podSocket;
}
