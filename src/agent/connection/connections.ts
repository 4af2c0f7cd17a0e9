import type { Socket } from 'node:net';
import type { Logger } from 'pino';
import { PodhandError } from '../../wire/errors.ts';
import type { Limits } from '../config/schema.ts';
import type { Caller } from './caller.ts';

interface Options {
  readonly limits: Limits;
  readonly log: Logger;
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
  readonly #sockets = new Set<Socket>();
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
      return;
    }
    this.#perPod.set(pod, open + 1);
    this.#sockets.add(socket);
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
        unwatch = this.#options.exits.watch(caller.process.pidfd, () => socket.destroy());
      // The only thing of a socket that the RPC library shows to its handlers.
      Object.defineProperty(socket, 'remoteAddress', { value: label });
      inject(socket);
      this.#silence(socket);
    } catch (error) {
      const reason = error instanceof PodhandError ? error.reason : 'INTERNAL';
      log.warn({ pod, reason, err: reason === 'INTERNAL' ? error : undefined }, 'connection refused: not identified');
      socket.destroy();
    }
  }

  /** Closes what is still open. */
  close(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Closes the connections of a pod that has left the node. */
  closePod(podUid: string): void {
    for (const { caller, socket } of this.#identified.values()) {
      if (caller.kind === 'pod' && caller.podUid === podUid) socket.destroy();
    }
  }

  /** A connection that never speaks is closed: HTTP/2 has a preface that every client sends at once. */
  #silence(socket: Socket): void {
    const timer = setTimeout(() => {
      if (socket.bytesRead === 0) socket.destroy();
    }, this.#options.limits.handshake);
    timer.unref();
    socket.once('close', () => clearTimeout(timer));
  }

  #closed(socket: Socket, pod: string): void {
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
