import { connect, type Socket } from 'node:net';
import { flags, frame, kinds, number32, preface, settings } from '../../../test/fuzz/frames.ts';

const headBytes = 9;
const most = 0x7fffffff;

/** A connection on which frames are written as they are, and of what comes only their heads are looked at. */
export class RawConnection {
  readonly socket: Socket;
  #rest = Buffer.alloc(0);
  /** Payload that is still to be passed over. */
  #skip = 0;

  /** `onEnd` is told of each stream that the agent has ended. `window`: what the agent may send on each. */
  constructor(path: string, window: number, onEnd: () => void, onClose: () => void) {
    this.socket = connect(path, () => {
      this.socket.write(
        Buffer.concat([preface, settings([4, window]), frame(kinds.windowUpdate, 0, 0, number32(most - 65_535))]),
      );
    });
    this.socket.on('error', () => undefined);
    this.socket.on('close', onClose);
    this.socket.on('data', (data) => this.#read(data, onEnd));
  }

  #read(data: Buffer, onEnd: () => void): void {
    let bytes = this.#rest.length === 0 ? data : Buffer.concat([this.#rest, data]);
    for (;;) {
      const passed = Math.min(this.#skip, bytes.length);
      this.#skip -= passed;
      bytes = bytes.subarray(passed);
      if (bytes.length < headBytes) break;
      this.#skip = bytes.readUIntBE(0, 3);
      const [kind, flag] = [bytes[3], bytes[4] ?? 0];
      if (kind === kinds.settings && (flag & flags.ack) === 0) this.socket.write(frame(kinds.settings, flags.ack, 0));
      const ends = (kind === kinds.headers || kind === kinds.data) && (flag & flags.endStream) !== 0;
      if (ends || kind === kinds.reset) onEnd();
      bytes = bytes.subarray(headBytes);
    }
    this.#rest = Buffer.from(bytes);
  }
}
