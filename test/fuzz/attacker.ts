import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { preface, settings } from './frames.ts';

/** A connection to an agent's socket, on which bytes are written as they are. */
export class Attacker {
  readonly socket: Socket;
  closed = false;
  received = 0;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('close', () => {
      this.closed = true;
    });
    // A reset is an end like any other.
    socket.on('error', () => undefined);
    socket.on('data', (data) => {
      this.received += data.length;
    });
  }

  static async open(path: string): Promise<Attacker> {
    const attacker = new Attacker(connect(path));
    await once(attacker.socket, 'connect');
    return attacker;
  }

  /** One that has said what every client begins with. */
  static async greeted(path: string, own: Buffer = settings()): Promise<Attacker> {
    const attacker = await Attacker.open(path);
    await attacker.write(preface, own);
    return attacker;
  }

  /** Resolves when the kernel has taken all of it, or the other side has closed. */
  async write(...parts: readonly Buffer[]): Promise<void> {
    if (this.closed || this.socket.destroyed) return;
    await new Promise<void>((resolve) => {
      const done = () => {
        this.socket.off('close', done);
        resolve();
      };
      this.socket.once('close', done);
      this.socket.write(Buffer.concat(parts), done);
    });
  }

  /** Takes nothing that is answered any more. */
  deaf(): this {
    this.socket.pause();
    return this;
  }

  end(): void {
    this.socket.destroy();
  }
}
