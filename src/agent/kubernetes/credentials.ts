import { readFileSync } from 'node:fs';
import { PodhandError } from '../../wire/errors.ts';

/** A service-account token is replaced in its file long before it ends; so is a cluster's CA. */
const readAgainMs = 60_000;

export interface Credentials {
  /** PEM, one or more certificates. */
  readonly ca: string;
  readonly token: string;
}

/** The agent's credentials, read from their files again each minute, and at once when a token was refused. */
export class CredentialFiles {
  readonly #caFile: string;
  readonly #tokenFile: string;
  #current: Credentials | undefined;
  #readAt = Number.NEGATIVE_INFINITY;

  constructor(files: { readonly caFile: string; readonly tokenFile: string }) {
    this.#caFile = files.caFile;
    this.#tokenFile = files.tokenFile;
  }

  /** Errors: RUNTIME_UNAVAILABLE where a file cannot be read and never could. */
  get(): Credentials {
    if (this.#current !== undefined && performance.now() - this.#readAt < readAgainMs) return this.#current;
    return this.#read();
  }

  /** After `token` was refused: whether the file has another one by now. */
  renew(token: string): boolean {
    return this.#read().token !== token;
  }

  #read(): Credentials {
    try {
      this.#current = {
        ca: readFileSync(this.#caFile, 'utf8'),
        token: readFileSync(this.#tokenFile, 'utf8').trim(),
      };
    } catch (cause) {
      // In the middle of a replacement; what was read before is good for some time yet.
      if (this.#current === undefined) throw unreadable(cause);
    }
    this.#readAt = performance.now();
    if (this.#current === undefined) throw unreadable(undefined);
    return this.#current;
  }
}

function unreadable(cause: unknown): PodhandError {
  return new PodhandError('RUNTIME_UNAVAILABLE', "the agent's service-account token or CA cannot be read", { cause });
}
