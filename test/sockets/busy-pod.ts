import { setTimeout as sleep } from 'node:timers/promises';
import type { Attempt } from '../attacks/caller-program.ts';
import { base64, type PodCaller } from '../attacks/pod-caller.ts';

const work: readonly Attempt[] = [
  { rpc: 'getInfo', request: {} },
  { rpc: 'listContainers', request: {} },
  { rpc: 'readFile', request: { container: 'victim', path: base64('/tmp/file') } },
  { rpc: 'streamLogs', request: { container: 'victim' } },
  { rpc: 'wait', request: { containers: ['gone'] } },
];
/** Between two calls: the machine is for others too. Milliseconds. */
const pause = 50;

/** A pod that goes on with its work, one call after the other, whatever happens around it. */
export class BusyPod {
  /** What was answered with an error, or not at all, while the agent was there. */
  readonly unanswered: string[] = [];
  readonly #caller: PodCaller;
  #answered = 0;
  #away = false;
  #working: Promise<void> | undefined;
  #stopped = false;

  constructor(caller: PodCaller) {
    this.#caller = caller;
  }

  /** Calls so far that were answered as they should be. */
  get answered(): number {
    return this.#answered;
  }

  begin(): void {
    this.#working = this.#work().catch((error) => void this.unanswered.push(`${error}`));
  }

  /** Not before the last call has ended. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#working;
  }

  /** Calls that find no agent while `action` runs are made again; resolves when the first of after it is answered. */
  async whileAway(action: () => Promise<void>): Promise<void> {
    this.#away = true;
    await action();
    const before = this.#answered;
    for (const end = Date.now() + 60_000; this.#answered < before + work.length; await sleep(pause)) {
      if (Date.now() > end) throw new Error('the busy pod is not answered any more');
    }
    this.#away = false;
  }

  async #work(): Promise<void> {
    while (!this.#stopped) {
      for (const attempt of work) {
        const { result, message } = await this.#caller.call(attempt);
        if (result === 'OK') this.#answered++;
        else if (!(this.#away && result.startsWith('14 '))) this.unanswered.push(`${attempt.rpc} ${result} ${message}`);
        await sleep(pause);
      }
    }
  }
}
