import { mkdirSync, readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ExecutorClient } from '../../src/client/executor-client.ts';
import type { FinalRecord__Output } from '../../src/wire/generated/podhand/v1/FinalRecord.ts';
import { eventually } from '../conformance/subject.ts';
import type { TestContainer, TestPod } from '../node/pods.ts';
import { must } from '../node/processes.ts';
import { SocketNode } from '../sockets/socket-node.ts';

/** A node of plain namespaces whose agent has its state on a small file system of its own, which things happen to. */
export class StateNode {
  readonly node: SocketNode;
  readonly state: string;
  /** By pod; each has a connection. */
  readonly #clients = new Map<string, ExecutorClient>();

  private constructor(node: SocketNode) {
    this.node = node;
    this.state = join(node.directory, 'state');
  }

  /** The agent is not started. */
  static async open(): Promise<StateNode> {
    const node = await SocketNode.open();
    await node.agent.end('SIGTERM');
    const opened = new StateNode(node);
    rmSync(opened.state, { recursive: true });
    await opened.mount();
    return opened;
  }

  /** An empty file system. */
  async mount(): Promise<void> {
    mkdirSync(this.state, { recursive: true });
    await must(['mount', '-t', 'tmpfs', '-o', 'size=256k,mode=700', 'podhand-test', this.state]);
  }

  async unmount(): Promise<void> {
    await must(['umount', this.state]);
  }

  /** The file system is elsewhere; an empty directory is in its place. */
  async bindAway(): Promise<void> {
    const elsewhere = `${this.state}-elsewhere`;
    mkdirSync(elsewhere);
    await must(['mount', '--bind', this.state, elsewhere]);
    await must(['umount', this.state]);
  }

  async bindBack(): Promise<void> {
    await must(['mount', '--bind', `${this.state}-elsewhere`, this.state]);
  }

  async remount(mode: 'ro' | 'rw'): Promise<void> {
    await must(['mount', '-o', `remount,${mode}`, this.state]);
  }

  /** Every block of it. Gives how to make room again. */
  fill(): () => void {
    const ballast = join(this.state, 'ballast');
    const { bavail, bsize } = statfsSync(this.state);
    writeFileSync(ballast, Buffer.alloc(bavail * bsize));
    return () => rmSync(ballast);
  }

  async sh(script: string, name = 'main', pod?: TestPod): Promise<{ pod: TestPod; container: TestContainer }> {
    const of = pod ?? (await this.node.runtime.pod());
    return { pod: of, container: await of.run({ name, command: ['/bin/sh', '-c', script] }) };
  }

  client(pod: TestPod): ExecutorClient {
    const made = this.#clients.get(pod.uid);
    if (made !== undefined) return made;
    const client = new ExecutorClient({ socketPath: join(this.node.directory, 'run/admin.sock'), pod: pod.uid });
    this.#clients.set(pod.uid, client);
    return client;
  }

  /** What Wait answers. */
  async record(pod: TestPod, name = 'main'): Promise<FinalRecord__Output | undefined> {
    const client = this.client(pod);
    const isKnown = () => client.getInfo().then(() => true, isUnknownPod);
    await eventually(isKnown);
    let record: FinalRecord__Output | undefined;
    for await (const { result } of client.wait({ containers: [name], untilKnown: true })) record = result?.records[0];
    return record;
  }

  file(pod: TestPod, name = 'main'): string {
    return join(this.state, 'records', pod.uid, `${name}-0.json`);
  }

  /** The record on the disk, once it is there. */
  async kept(pod: TestPod, name = 'main'): Promise<Record<string, unknown>> {
    const read = () => readFileSync(this.file(pod, name), 'utf8');
    await eventually(async () => {
      try {
        return read() !== '';
      } catch {
        return false;
      }
    });
    return JSON.parse(read());
  }

  async close(): Promise<void> {
    for (const client of this.#clients.values()) client.close();
    await this.node.close();
  }
}

function isUnknownPod(error: unknown): false {
  if (Object(error).reason === 'POD_NOT_FOUND') return false;
  throw error;
}
