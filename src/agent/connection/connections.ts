import type { Http2Session } from 'node:http2';
import type { Socket } from 'node:net';
import type { Logger } from 'pino';
import { PodhandError } from '../../wire/errors.ts';
import type { Limits } from '../config/schema.ts';
import { FairPlaces } from '../fair-places.ts';
import { descriptorOf } from '../linux/descriptor-of.ts';
import { BegunStreams, type ConnectionPace, watchBegun } from './begun-streams.ts';
import type { Caller } from './caller.ts';
import { ConnectionCalls, type OpenCall } from './connection-calls.ts';
import { Farewells } from './farewells.ts';
import { SparseLog } from './sparse-log.ts';

/** Who or what ended a connection: its client, or the agent and why. */
export type ConnectionEnd =
  | 'client'
  | 'too_many'
  | 'displaced'
  | 'unidentified'
  | 'silent'
  | 'stalled'
  | 'flooding'
  | 'idle'
  | 'caller_exited'
  | 'pod_gone'
  | 'stopping';

/** HTTP/2 begins with a preface of 24 bytes and SETTINGS, whose header alone has nine; every client sends them at once. */
const handshakeBytes = 33;
/** How often connections are looked at, in parts of the shortest time that they are given, and in milliseconds at most. */
const sweep = { perPatience: 4, atMost: 1000 };

const tooManyBegun = new PodhandError('TOO_MANY_CALLS', 'this pod has begun too many requests that are not complete', {
  details: { retryAfterMs: '1000' },
});

/** Labels are of the whole process, as is what tells of streams. */
let next = 0;

interface Identified {
  readonly caller: Caller;
  readonly socket: Socket;
  readonly calls: ConnectionCalls;
  /** Absent where nothing is bounded: root of the node. */
  readonly pace: ConnectionPace | undefined;
}

interface Options {
  readonly limits: Limits;
  readonly log: Logger;
  /** Told once of every connection. */
  readonly onEnd: (cause: ConnectionEnd) => void;
  /** Told of each connection that is ended because its pod floods. */
  readonly onFlood: (podUid: string) => void;
  /** Tells when a caller ends: what it opened ends with it, whoever else has the socket by then. */
  readonly exits: { watch(pidfd: number, exited: () => void): () => void };
}

/**
 * The connections that are open: bounded per pod and per node, those of the admin socket apart, each with the identity
 * that was found when it was accepted. The RPC library carries a label with each call; the label leads back to the identity.
 */
export class Connections {
  readonly #options: Options;
  readonly #refusals: SparseLog;
  readonly #identified = new Map<string, Identified>();
  /** Calls that have not said yet what they want, by pod. */
  readonly #unfinished = new Map<string, number>();
  readonly #begun: BegunStreams;
  readonly #farewells: Farewells;
  readonly #unwatchBegun: () => void;
  readonly #sweep: NodeJS.Timeout;
  readonly #pods: FairPlaces;
  readonly #admin: FairPlaces;
  /** Each with what has ended it, once something has. */
  readonly #sockets = new Map<Socket, ConnectionEnd>();

  constructor(options: Options) {
    this.#options = options;
    const { connectionsPerPod, connections } = options.limits;
    this.#pods = new FairPlaces(connectionsPerPod, connections);
    this.#admin = new FairPlaces(connectionsPerPod, connectionsPerPod);
    this.#refusals = new SparseLog(options.log);
    this.#begun = new BegunStreams(options.limits);
    this.#farewells = new Farewells(options.limits.handshake);
    this.#unwatchBegun = watchBegun((label, session) => this.#began(label, session));
    const { request, idle } = options.limits;
    const every = Math.min(sweep.atMost, Math.max(1, Math.min(request, idle) / sweep.perPatience));
    this.#sweep = setInterval(() => this.#endOverdue(), every).unref();
  }

  get count(): number {
    return this.#sockets.size;
  }

  /** The caller behind a label. Errors: CALLER_UNKNOWN for a label that is not, or no longer, a connection of ours. */
  callerOf(label: string): Caller {
    return this.#find(label).caller;
  }

  /**
   * A call that begins on the connection with that label. Errors: CALLER_UNKNOWN; TOO_MANY_CALLS where the pod has as many
   * that are not complete as it may have streams: each of them holds what has come of its request.
   */
  begin(label: string): OpenCall {
    const found = this.#find(label);
    const pod = found.caller.kind === 'pod' ? found.caller.podUid : 'admin';
    const { streamsPerPod, streams } = this.#options.limits;
    const begun = this.#unfinished.get(pod) ?? 0;
    if (begun >= (pod === 'admin' ? streams : streamsPerPod)) throw tooManyBegun;
    this.#unfinished.set(pod, begun + 1);
    return found.calls.begin(() => {
      const left = (this.#unfinished.get(pod) ?? 1) - 1;
      if (left > 0) this.#unfinished.set(pod, left);
      else this.#unfinished.delete(pod);
    });
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
    const places = pod === 'admin' ? this.#admin : this.#pods;
    const full = places.full(pod);
    if (full !== undefined) {
      this.#refusals.warn(pod, { open: places.of(pod), limit: full }, 'connection refused: too many');
      socket.destroy();
      this.#options.onEnd('too_many');
      return;
    }
    let calls: ConnectionCalls | undefined;
    const release = places.take(pod, {
      idle: () => calls?.idle ?? true,
      end: () => {
        this.#refusals.warn(pod, {}, 'connection ended: its pod has the most, and another needs one');
        this.#end(socket, 'displaced');
      },
    });
    this.#sockets.set(socket, 'client');
    socket.once('close', () => this.#closed(socket, release));
    // Until the RPC library has it, a reset must not become an unhandled error.
    const ignore = () => undefined;
    socket.on('error', ignore);
    try {
      const fd = descriptorOf(socket);
      if (fd === undefined) throw new PodhandError('CALLER_UNKNOWN', 'the connection has no descriptor');
      const caller = await identify(fd);
      const label = `connection-${next++}`;
      const pace = caller.kind === 'pod' ? this.#begun.connection(caller.podUid) : undefined;
      calls = new ConnectionCalls();
      this.#identified.set(label, { caller, socket, calls, pace });
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
      const facts = { reason, err: reason === 'INTERNAL' ? error : undefined };
      this.#refusals.warn(pod, facts, 'connection refused: not identified');
      this.#end(socket, 'unidentified');
    }
  }

  /** Closes what is still open. */
  close(): void {
    clearInterval(this.#sweep);
    this.#unwatchBegun();
    for (const socket of this.#sockets.keys()) this.#end(socket, 'stopping');
  }

  /** Closes the connections of a pod that has left the node. */
  closePod(podUid: string): void {
    for (const { caller, socket } of this.#identified.values()) {
      if (caller.kind === 'pod' && caller.podUid === podUid) this.#end(socket, 'pod_gone');
    }
  }

  #find(label: string): Identified {
    const found = this.#identified.get(label);
    if (found !== undefined) return found;
    throw new PodhandError('CALLER_UNKNOWN', 'the connection has no identity');
  }

  /** Connections of those who ask for nothing, or have begun to ask and do not go on. */
  #endOverdue(): void {
    const now = performance.now();
    for (const { calls, socket } of this.#identified.values()) {
      const cause = calls.overdue(now, this.#options.limits);
      if (cause !== undefined) this.#end(socket, cause);
    }
    this.#begun.prune((podUid) => this.#pods.has(podUid));
  }

  /** A pod that calls without pause, whatever it is answered, is refused at last by what costs nothing. */
  #began(label: string, session: Http2Session): void {
    const found = this.#identified.get(label);
    if (found === undefined) return;
    const { caller, socket } = found;
    this.#farewells.watch(session, () => this.#end(socket, 'client'));
    if (found.pace?.floods() !== true || socket.destroyed) return;
    // HTTP/2 is in the middle of what it has read.
    setImmediate(() => {
      if (socket.destroyed || caller.kind !== 'pod') return;
      this.#refusals.warn(caller.podUid, {}, 'connection ended: it calls without pause');
      this.#end(socket, 'flooding');
      this.#options.onFlood(caller.podUid);
    });
  }

  /** A connection that never speaks, or not to the end of what every client begins with, is closed. */
  #silence(socket: Socket): void {
    const timer = setTimeout(() => {
      if (socket.bytesRead < handshakeBytes) this.#end(socket, 'silent');
    }, this.#options.limits.handshake);
    timer.unref();
    socket.once('close', () => clearTimeout(timer));
  }

  #end(socket: Socket, cause: ConnectionEnd): void {
    if (socket.destroyed) return;
    this.#sockets.set(socket, cause);
    socket.destroy();
  }

  #closed(socket: Socket, release: () => void): void {
    this.#options.onEnd(this.#sockets.get(socket) ?? 'client');
    this.#sockets.delete(socket);
    release();
  }

  #forget(label: string, caller: Caller, unwatch: () => void): void {
    if (!this.#identified.delete(label)) return;
    unwatch();
    if (caller.kind === 'pod') caller.process?.release();
  }
}
