import { closeSync } from 'node:fs';
import type { Socket } from 'node:net';
import type { TokenBucket } from '../token-bucket.ts';
import { BackOff } from './back-off.ts';
import { PacedListener } from './paced-listener.ts';
import { placeBinary } from './placed-binary.ts';
import { isInPlace, makeSocketFile, removeSocketFile, type SocketFile } from './socket-file.ts';
import type { OpenPlace, SocketPlace } from './socket-place.ts';

export const socketName = 'agent.sock';
/** Any user of the pod may call: what keeps others out is that only this pod has the directory. */
const socketMode = 0o666;

/** What becomes of the sockets; each is called from the event loop and must not throw. */
export interface SocketListener {
  connected(socket: Socket, podUid: string): void;
  made(place: SocketPlace): void;
  /** Removed, renamed or replaced by somebody else. */
  lost(place: SocketPlace): void;
  /** See `Obstacle`; told each time that an attempt failed. */
  obstructed(place: SocketPlace, obstacle: string): void;
  /** The emissary could not be put beside the socket. */
  unplaced(place: SocketPlace, obstacle: string): void;
  /** Of a connection that could not be accepted. */
  failed(place: SocketPlace, error: Error): void;
}

interface Standing {
  readonly place: OpenPlace;
  readonly file: SocketFile;
  readonly server: PacedListener;
}

/**
 * One pod's socket in one place, brought back there whenever it is found missing. Holds two descriptors while it stands,
 * none while it does not.
 */
export class PlacedSocket {
  readonly place: SocketPlace;
  readonly #listener: SocketListener;
  readonly #pace: TokenBucket;
  readonly #binary: Uint8Array | undefined;
  readonly #backOff = new BackOff();
  #standing: Standing | undefined;

  /**
   * `pace`: of the connections that are accepted, here and at the pod's other sockets. `binary`: the emissary, to be put
   * beside the socket in a volume.
   */
  constructor(place: SocketPlace, listener: SocketListener, pace: TokenBucket, binary?: Uint8Array) {
    this.place = place;
    this.#listener = listener;
    this.#pace = pace;
    this.#binary = binary;
  }

  get stands(): boolean {
    return this.#standing !== undefined;
  }

  /** In a mount of its own, which somebody will want to unmount. */
  get pinsMount(): boolean {
    return this.#standing?.place.mounted === true;
  }

  /** Brings the socket in line with what is in its place now. Answers whether there is a directory at all. */
  check(now: number): boolean {
    const found = this.place.open();
    if (found === undefined) {
      this.letGo();
      return false;
    }
    if ('obstacle' in found) {
      this.letGo();
      if (this.#backOff.attempt(now)) this.#listener.obstructed(this.place, found.obstacle);
      return true;
    }
    const own = this.#standing;
    const same = own !== undefined && own.place.ino === found.ino && own.place.dev === found.dev;
    if (same && isInPlace(found.fd, socketName, own.file)) {
      closeSync(found.fd);
      return true;
    }
    if (same) this.#listener.lost(this.place);
    this.letGo();
    if (this.#backOff.attempt(now)) this.#make(found);
    else closeSync(found.fd);
    return true;
  }

  /** Stops listening and removes the socket where it is still ours. Connections stay. */
  letGo(): void {
    const standing = this.#standing;
    if (standing === undefined) return;
    this.#standing = undefined;
    removeSocketFile(standing.place.fd, socketName, standing.file);
    standing.server.close();
    closeSync(standing.place.fd);
  }

  /** Takes over the descriptor of `place`. */
  #make(place: OpenPlace): void {
    // First: whoever finds the socket finds the emissary.
    this.#placeBinary(place.fd);
    const file = makeSocketFile(place.fd, socketName, socketMode);
    if ('obstacle' in file) {
      closeSync(place.fd);
      this.#listener.obstructed(this.place, file.obstacle);
      return;
    }
    const server = new PacedListener(file.fd, this.#pace, {
      connected: (socket) => this.#listener.connected(socket, this.place.podUid),
      failed: (error) => this.#listener.failed(this.place, error),
    });
    this.#standing = { place, file, server };
    this.#listener.made(this.place);
  }

  #placeBinary(directoryFd: number): void {
    if (this.#binary === undefined || this.place.kind !== 'emptyDir') return;
    const found = placeBinary(directoryFd, this.#binary);
    if (found !== undefined) this.#listener.unplaced(this.place, found.obstacle);
  }
}
