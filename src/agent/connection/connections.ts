import type { Socket } from 'node:net';
import type { Logger } from 'pino';
import { PodhandError } from '../../wire/errors.ts';
import type { Limits } from '../config/schema.ts';
import type { Caller } from './caller.ts';

/** Who or what ended a connection: its client, or the agent and why. */
export type ConnectionEnd =
  | 'client'
  | 'too_many'
  | 'unidentified'
  | 'silent'
  | 'caller_exited'
  | 'pod_gone'
  | 'stopping';

interface Options {
  readonly limits: Limits;
  readonly log: Logger;
  /** Told once of every connection. */
  readonly onEnd: (cause: ConnectionEnd) => void;
  /** Tells when a caller ends: what it opened ends with it, whoever else has the socket by then. */
  readonly exits: { watch(pidfd: number, exited: () => void): () => void };
}

/**
 * The connections that are open: bounded per pod and per node, each with the identity that was found when it was
 * accepted. The RPC library carries a label with each call; the label leads back to the identity.
 */
export class Connections {
  readonly #options: Options;
  readonly #identified = new Map<string, { readonly caller: Caller; readonly socket: Socket }>();
  readonly #perPod = new Map<string, number>();
  /** Each with what has ended it, once something has. */
  readonly #sockets = new Map<Socket, ConnectionEnd>();
  #next = 0;

  constructor(options: Options) {
    this.#options = options;
  }

  get count(): number {
    return this.#sockets.size;
  }

  /** The caller behind a label. Errors: CALLER_UNKNOWN for a label that is not, or no longer, a connection of ours. */
  callerOf(label: string): Caller {
    const found = this.#identified.get(label);
    if (found !== undefined) return found.caller;
    throw new PodhandError('CALLER_UNKNOWN', 'the connection has no identity');
  }

  /**
   * Takes a new connection: identifies it, then hands it to the RPC library by `inject`. A connection that cannot be identified is closed, and the
   * listener goes on. `pod` is the pod uid of the socket, or `admin`.
   */
  async accept(
    socket: Socket,
    pod: string,
    identify: (fd: number) => Caller | Promise<Caller>,
    inject: (socket: Socket) => void,
  ): Promise<void> {
    const { limits, log } = this.#options;
    const open = this.#perPod.get(pod) ?? 0;
    if (open >= limits.connectionsPerPod || this.#sockets.size >= limits.connections) {
      log.warn({ pod, open }, 'connection refused: too many');
      socket.destroy();
      this.#options.onEnd('too_many');
      return;
    }
    this.#perPod.set(pod, open + 1);
    this.#sockets.set(socket, 'client');
    socket.once('close', () => this.#closed(socket, pod));
    // Until the RPC library has it, a reset must not become an unhandled error.
    const ignore = () => undefined;
    socket.on('error', ignore);
    try {
      const caller = await identify(descriptorOf(socket));
      const label = `connection-${this.#next++}`;
      this.#identified.set(label, { caller, socket });
      let unwatch = (): void => undefined;
      const forget = () => this.#forget(label, caller, unwatch);
      socket.once('close', forget);
      if (socket.destroyed) {
        forget();
        return;
      }
      if (caller.kind === 'pod' && caller.process !== undefined)
        unwatch = this.#options.exits.watch(caller.process.pidfd, () => this.#end(socket, 'caller_exited'));
      // The only thing of a socket that the RPC library shows to its handlers.
      Object.defineProperty(socket, 'remoteAddress', { value: label });
      inject(socket);
      this.#silence(socket);
    } catch (error) {
      const reason = error instanceof PodhandError ? error.reason : 'INTERNAL';
      log.warn({ pod, reason, err: reason === 'INTERNAL' ? error : undefined }, 'connection refused: not identified');
      this.#end(socket, 'unidentified');
    }
  }

  /** Closes what is still open. */
  close(): void {
    for (const socket of this.#sockets.keys()) this.#end(socket, 'stopping');
  }

  /** Closes the connections of a pod that has left the node. */
  closePod(podUid: string): void {
    for (const { caller, socket } of this.#identified.values()) {
      if (caller.kind === 'pod' && caller.podUid === podUid) this.#end(socket, 'pod_gone');
    }
  }

  /** A connection that never speaks is closed: HTTP/2 has a preface that every client sends at once. */
  #silence(socket: Socket): void {
    const timer = setTimeout(() => {
      if (socket.bytesRead === 0) this.#end(socket, 'silent');
    }, this.#options.limits.handshake);
    timer.unref();
    socket.once('close', () => clearTimeout(timer));
  }

  #end(socket: Socket, cause: ConnectionEnd): void {
    if (socket.destroyed) return;
    this.#sockets.set(socket, cause);
    socket.destroy();
  }

  #closed(socket: Socket, pod: string): void {
    this.#options.onEnd(this.#sockets.get(socket) ?? 'client');
    this.#sockets.delete(socket);
    const open = (this.#perPod.get(pod) ?? 1) - 1;
    if (open > 0) this.#perPod.set(pod, open);
    else this.#perPod.delete(pod);
  }

  #forget(label: string, caller: Caller, unwatch: () => void): void {
    if (!this.#identified.delete(label)) return;
    unwatch();
    if (caller.kind === 'pod') caller.process?.release();
  }
}

/** The descriptor of an accepted socket. Node has no public accessor; a missing one refuses the connection. */
function descriptorOf(socket: Socket): number {
  const fd = (socket as unknown as { _handle?: { fd?: unknown } })._handle?.fd;
  if (typeof fd === 'number' && Number.isInteger(fd) && fd >= 0) return fd;
  throw new PodhandError('CALLER_UNKNOWN', 'the connection has no descriptor');
}
