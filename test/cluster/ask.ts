import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { type IncomingMessage, request } from 'node:http';
import { request as tlsRequest } from 'node:https';
import { text } from 'node:stream/consumers';
import type { Certificate } from './authority.ts';

export interface Credentials {
  /** File of the authority that the server has to be certified by. */
  readonly ca: string;
  readonly client?: Certificate;
  readonly token?: string;
}

const withinMs = 10_000;

/** One GET over TLS, with the credentials given and no others; rejects where the server is not to be trusted. */
export async function ask(url: string, credentials: Credentials): Promise<{ status: number; body: string }> {
  const { ca, client, token } = credentials;
  const options = {
    agent: false,
    ca: await readFile(ca),
    ...(client === undefined ? {} : { cert: await readFile(client.cert), key: await readFile(client.key) }),
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
    signal: AbortSignal.timeout(withinMs),
  };
  const asked = (url.startsWith('https:') ? tlsRequest : request)(url, options);
  asked.end();
  const [answer] = (await once(asked, 'response')) as [IncomingMessage];
  return { status: answer.statusCode ?? 0, body: await text(answer) };
}
