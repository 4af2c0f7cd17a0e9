import type { FileIdentity, Obstacle } from './socket-file.ts';

/** A directory that a socket belongs in, open. */
export interface OpenPlace extends FileIdentity {
  /** O_PATH; the receiver's to close. */
  readonly fd: number;
  /** It is the root of a mount of its own, which cannot be unmounted while we have something open in it. */
  readonly mounted: boolean;
}

/** Where one pod's socket belongs. */
export interface SocketPlace {
  readonly podUid: string;
  /** For log and metrics: `hostPath`, or `emptyDir`. */
  readonly kind: 'hostPath' | 'emptyDir';
  /** For the log: the volume's name. */
  readonly volume?: string;
  /** The directory that is in that place now; undefined where there is none. */
  open(): OpenPlace | Obstacle | undefined;
  /** After the pod has left, and the socket is gone. */
  left(): void;
}
