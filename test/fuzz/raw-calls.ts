import {
  type ClientHttp2Session,
  connect,
  constants,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
} from 'node:http2';
import { connect as connectSocket } from 'node:net';
import { decodeErrorInfo } from '../../src/wire/error-info.ts';

/** What a call was answered. */
export interface Answer {
  /** Of HTTP; undefined where the stream was reset before there was one. */
  readonly http: number | undefined;
  readonly code: number | undefined;
  readonly message: string;
  /** Of podhand's errors; undefined where there is none. */
  readonly reason: string | undefined;
}

/** A call whose request has begun. */
export interface BegunCall {
  readonly answer: Promise<Answer>;
  /** Ends the request with the rest of its data. */
  finish(body: Buffer): void;
  reset(): void;
}

/** A session of HTTP/2 with an agent's socket, on which calls are made byte by byte. */
export class RawCalls {
  readonly session: ClientHttp2Session;

  constructor(socket: string) {
    this.session = connect('http://agent', { createConnection: () => connectSocket(socket) });
    this.session.on('error', () => this.session.destroy());
  }

  /** `body`: all of the stream's data, gRPC's five bytes before a message included. */
  call(path: string, body: Buffer, headers: OutgoingHttpHeaders = {}): Promise<Answer> {
    const begun = this.begin(path, headers);
    begun.finish(body);
    return begun.answer;
  }

  /** A call of which the headers have been sent. */
  begin(path: string, headers: OutgoingHttpHeaders = {}): BegunCall {
    const all = { ':method': 'POST', ':path': path, 'content-type': 'application/grpc', te: 'trailers', ...headers };
    const stream = this.session.request(all);
    const answer = new Promise<Answer>((resolve) => {
      const seen: IncomingHttpHeaders = {};
      const take = (more: IncomingHttpHeaders) => void Object.assign(seen, more);
      stream.on('response', take);
      stream.on('trailers', take);
      // A reset is told by the missing status.
      stream.on('error', () => undefined);
      const told = () => {
        const code = seen['grpc-status'];
        resolve({
          http: seen[':status'] === undefined ? undefined : Number(seen[':status']),
          code: code === undefined ? undefined : Number(code),
          message: String(seen['grpc-message'] ?? ''),
          reason: reasonOf(seen['grpc-status-details-bin']),
        });
      };
      // A request that has no end yet may have been answered, and then its stream does not close.
      stream.on('end', told);
      stream.on('close', told);
      stream.resume();
    });
    return { answer, finish: (body) => void stream.end(body), reset: () => stream.close(constants.NGHTTP2_CANCEL) };
  }

  close(): void {
    this.session.destroy();
  }
}

function reasonOf(details: string | string[] | undefined): string | undefined {
  return typeof details === 'string' ? decodeErrorInfo(Buffer.from(details, 'base64'))?.reason : undefined;
}

/** A message of gRPC: a flag that says whether it is compressed, its length, itself. */
export function framed(message: Buffer, compressed = 0): Buffer {
  const head = Buffer.alloc(5);
  head[0] = compressed;
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}
