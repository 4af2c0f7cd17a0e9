import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Outputs } from '../../../src/client/collect/outputs.ts';
import { ExecutorClient } from '../../../src/client/executor-client.ts';
import type { FinalRecord__Output } from '../../../src/wire/generated/podhand/v1/FinalRecord.ts';
import { eventually } from '../../conformance/subject.ts';
import { NamespaceContainer } from '../../node/namespaces/container.ts';
import type { TestContainer, TestPod } from '../../node/pods.ts';
import type { SocketNode } from '../../sockets/socket-node.ts';
import { type Ends, followed, waitedFor } from './calls.ts';
import type { Step } from './killer.ts';
import { Products } from './products.ts';

/** An agent that is killed as soon as it is up may be away for minutes, for a client that calls now and then. */
const patienceMs = 1_800_000;
const collectArgs = ['collect', '-f', '/spec/spec.json', '--output-dir', '/outputs', '--retry-for', `${patienceMs}ms`];

export const containers = ['main', 'side', 'collect'] as const;

/** What one pod came to. */
export interface Outcome {
  /** Absent where it failed before its end. */
  readonly ended?: { readonly uid: string; readonly ends: Ends };
  readonly faults: readonly string[];
}

/**
 * One pod at work. `main` writes a log of numbered lines, which is rotated once, and ends with a code of its own. `side`
 * has the products, ignores TERM, and is stopped in the end. `collect` is the real client: it waits, follows the log,
 * saves, stops. Beside it a Wait and a followed log on the admin socket.
 */
export class WorkingPod {
  readonly #node: SocketNode;
  readonly #number: number;
  readonly #random: () => number;
  readonly #products: Products;
  readonly #lines: number;
  readonly #faults = new Set<string>();
  #directory: string | undefined;
  #step: Step = 'starting';

  constructor(node: SocketNode, number: number, random: () => number) {
    this.#node = node;
    this.#number = number;
    this.#random = random;
    this.#products = new Products(number);
    this.#lines = 10 * Math.ceil(10 + random() * 50);
  }

  get step(): Step {
    if (this.#step !== 'saving') return this.#step;
    const outputs = this.#outputs();
    if (outputs === undefined) return 'saving';
    return outputs.complete ? 'over' : 'stopping';
  }

  /** Names in the directory of the artifacts, temporary ones too. */
  get saved(): string[] {
    const directory = join(this.#directory ?? '', 'artifacts');
    return this.#directory !== undefined && existsSync(directory) ? readdirSync(directory) : [];
  }

  /** To be called at any moment: notes what is there and not whole. */
  look(): void {
    if (this.#directory === undefined) return;
    for (const fault of this.#products.look(join(this.#directory, 'artifacts'))) this.#faults.add(fault);
  }

  /** Never rejects. */
  async live(): Promise<Outcome> {
    try {
      const ended = await this.#live();
      return { ended, faults: this.#named() };
    } catch (error) {
      this.#faults.add(`at ${this.step}: ${error}`);
      return { faults: this.#named() };
    }
  }

  async #live(): Promise<NonNullable<Outcome['ended']>> {
    const pod = await this.#node.runtime.pod();
    this.#directory = await pod.volumeDir('outputs');
    const side = await this.#startSide(pod);
    const client = new ExecutorClient({
      socketPath: join(this.#node.directory, 'run/admin.sock'),
      pod: pod.uid,
      retryFor: patienceMs,
    });
    try {
      // On the admin socket only a pod that is known can be asked about.
      await eventually(async () => await client.getInfo().then(() => true, isUnknown));
      const calls = Promise.all([waitedFor(client, containers), followed(client, 'main')]);
      // Awaited below; a failure before that must not count as unhandled.
      calls.catch(() => undefined);
      const collect = await this.#startCollect(pod);
      this.#step = 'waiting';
      const main = await this.#startMain(pod);
      await this.#rotated(main);
      await main.exited();
      this.#step = 'saving';
      const { exitCode } = await collect.exited();
      const [ends, text] = await calls;
      this.#step = 'over';
      this.#expect(exitCode === 0, `collect ended with ${exitCode}`);
      this.#expect((await side.exited()).exitCode === 137, 'side was not killed');
      this.#expect(text === this.#log(), 'the followed log is not what was written');
      this.#checkOutputs(ends.results[0] ?? []);
      for (const fault of this.#products.lookAtLast(join(this.#directory, 'artifacts'))) this.#faults.add(fault);
      return { uid: pod.uid, ends };
    } finally {
      client.close();
      this.#directory = undefined;
      await pod.remove();
    }
  }

  #named(): string[] {
    return [...this.#faults].map((fault) => `pod ${this.#number}: ${fault}`);
  }

  get #exitCode(): number {
    return 1 + (this.#number % 100);
  }

  async #startSide(pod: TestPod): Promise<TestContainer> {
    const script = `trap "" TERM; ${this.#products.script}; echo made; while :; do sleep 1; done`;
    const side = await pod.run({ name: 'side', command: ['/bin/sh', '-c', script] });
    const log = await side.logPath();
    await eventually(async () => readFileSync(log, 'utf8').includes('made'));
    return side;
  }

  async #startMain(pod: TestPod): Promise<TestContainer> {
    const ten = 'n=0; while [ $n -lt 10 ]; do i=$((i+1)); n=$((n+1)); echo line $i; done';
    const script = `i=0; while [ $i -lt ${this.#lines} ]; do ${ten}; sleep 0.3; done; exit ${this.#exitCode}`;
    return await pod.run({ name: 'main', command: ['/bin/sh', '-c', script] });
  }

  async #startCollect(pod: TestPod): Promise<TestContainer> {
    const spec = {
      containers: ['main'],
      sidecars: ['side'],
      gracePeriod: `${Math.ceil(200 + this.#random() * 800)}ms`,
      artifacts: this.#products.specs('side'),
      logs: [{ container: 'main' }],
    };
    writeFileSync(join(await pod.volumeDir('spec'), 'spec.json'), JSON.stringify(spec));
    return await pod.run({
      name: 'collect',
      image: 'node',
      command: ['/usr/bin/node', '/podhand/bin/podhand', ...collectArgs],
      volumes: ['outputs', 'spec'].map((volume) => ({ volume, mountPath: `/${volume}` })),
      socketDir: true,
      checkout: true,
    });
  }

  async #rotated(main: TestContainer): Promise<void> {
    const log = await main.logPath();
    await eventually(async () => readFileSync(log, 'utf8').includes(`line ${this.#lines / 2}`));
    if (main instanceof NamespaceContainer) await main.rotateLog();
  }

  #checkOutputs(records: readonly FinalRecord__Output[]): void {
    const outputs = this.#outputs();
    const saved = outputs?.artifacts.map(({ name, status }) => `${name} ${status}`).join(', ');
    this.#expect(outputs?.complete === true, 'outputs.json is not complete');
    this.#expect(saved === 'blob saved, tree saved, packed saved', `artifacts: ${saved}`);
    this.#expect(outputs?.errors.length === 0, JSON.stringify(outputs?.errors));
    const main = records.find(({ container }) => container === 'main');
    this.#expect(main?.exitKnown === false || main?.exitCode === this.#exitCode, `main ended with ${main?.exitCode}`);
    const ids = JSON.stringify(outputs?.containers.map((record) => Object(record).containerId));
    this.#expect(ids === JSON.stringify([main?.containerId]), `outputs.json has records of ${ids}`);
    const log = readFileSync(join(this.#directory ?? '', 'logs/main.log'), 'utf8');
    this.#expect(log === this.#log(), 'the collected log is not what was written');
  }

  #outputs(): Outputs | undefined {
    try {
      return JSON.parse(readFileSync(join(this.#directory ?? '', 'outputs.json'), 'utf8'));
    } catch {
      return undefined;
    }
  }

  #log(): string {
    return Array.from({ length: this.#lines }, (_, at) => `line ${at + 1}\n`).join('');
  }

  #expect(isSo: boolean, otherwise: string): void {
    if (!isSo) this.#faults.add(otherwise);
  }
}

function isUnknown(error: unknown): false {
  if (Object(error).reason === 'POD_NOT_FOUND') return false;
  throw error;
}
