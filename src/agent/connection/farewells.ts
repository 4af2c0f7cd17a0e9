import type { Http2Session } from 'node:http2';

const askEveryMs = 5_000;

/**
 * Tells when a client is gone that has said goodbye (GOAWAY) with calls open, which may go on. What breaks HTTP/2 after
 * that ends the session for nghttp2 and not for Node (24): it reads and writes no more, and does not see the client close.
 * Only SETTINGS that nobody acknowledges show it; a PING is sent by no session of Node's that is closing.
 */
export class Farewells {
  readonly #watched = new WeakSet<Http2Session>();
  readonly #answersWithinMs: number;

  constructor(answersWithinMs: number) {
    this.#answersWithinMs = answersWithinMs;
  }

  /** May be called of each of a session's streams; `gone` is called once at most, and not of a session that has ended. */
  watch(session: Http2Session, gone: () => void): void {
    if (this.#watched.has(session)) return;
    this.#watched.add(session);
    if (session.closed) this.#ask(session, gone);
    else session.once('goaway', () => this.#ask(session, gone));
  }

  #ask(session: Http2Session, gone: () => void): void {
    if (session.destroyed) return;
    const timer = setTimeout(gone, this.#answersWithinMs).unref();
    // Of a session that ends meanwhile it is told an error.
    session.settings({}, (error) => {
      clearTimeout(timer);
      if (error === null) setTimeout(() => this.#ask(session, gone), askEveryMs).unref();
    });
  }
}
