import { readFileSync } from 'node:fs';
import { Agent, request } from 'undici';
import { parse } from 'yaml';
import type { ContainerStatus } from '../pod-objects.ts';

interface Kubeconfig {
  readonly clusters: readonly [{ readonly cluster: { server: string; 'certificate-authority-data': string } }];
  readonly users: readonly [{ readonly user: { 'client-certificate-data': string; 'client-key-data': string } }];
}

/** A Pod as tests look at it. */
export interface PodObject {
  readonly metadata: { readonly uid: string; readonly name: string; readonly namespace: string };
  readonly status: {
    readonly phase?: string;
    readonly containerStatuses?: readonly ContainerStatus[];
  };
}

/** The API server as an administrator: what kubectl does, without a process for each call. */
export class AdminApi {
  readonly #server: string;
  readonly #agent: Agent;

  constructor(kubeconfig: string) {
    const { clusters, users } = parse(readFileSync(kubeconfig, 'utf8')) as Kubeconfig;
    const { cluster } = clusters[0];
    const { user } = users[0];
    const decoded = (base64: string) => Buffer.from(base64, 'base64');
    this.#server = cluster.server;
    this.#agent = new Agent({
      // As the agent's: see KubernetesEndpoint.
      allowH2: false,
      connect: {
        ca: decoded(cluster['certificate-authority-data']),
        cert: decoded(user['client-certificate-data']),
        key: decoded(user['client-key-data']),
      },
    });
  }

  async create<T>(path: string, object: object): Promise<T> {
    return (await this.#call('POST', path, object)) as T;
  }

  /** Undefined where it is not there. */
  async get<T>(path: string): Promise<T | undefined> {
    return (await this.#call('GET', path)) as T | undefined;
  }

  /** The text of a path that answers no object, such as a log; undefined where it is not there, or not yet. */
  async text(path: string): Promise<string | undefined> {
    const { statusCode, body } = await request(`${this.#server}${path}`, { dispatcher: this.#agent });
    const text = await body.text();
    return statusCode < 300 ? text : undefined;
  }

  /** Grace period in seconds; 0 is a forced deletion. Nothing happens where it is gone. */
  async delete(path: string, gracePeriodSeconds: number): Promise<void> {
    await this.#call('DELETE', path, { kind: 'DeleteOptions', apiVersion: 'v1', gracePeriodSeconds });
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }

  async #call(method: 'GET' | 'POST' | 'DELETE', path: string, body?: object): Promise<unknown> {
    const { statusCode, body: answer } = await request(`${this.#server}${path}`, {
      method,
      dispatcher: this.#agent,
      headers: { 'content-type': 'application/json', accept: 'application/json' },
      ...(body && { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    if (statusCode === 404 && method !== 'POST') return undefined;
    if (statusCode >= 300) throw new Error(`${method} ${path} answered ${statusCode}: ${text.slice(0, 1000)}`);
    return JSON.parse(text);
  }
}
