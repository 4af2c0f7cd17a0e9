import { setTimeout as sleep } from 'node:timers/promises';
import { PodhandError } from '../../../wire/errors.ts';
import { type Container, hasEnded } from '../../pods/model.ts';
import type { SignalRole } from '../roles.ts';
import type { EmissaryContainers } from './emissary-containers.ts';
import { Pace } from './pace.ts';
import type { PodVolume } from './pod-volume.ts';
import { Wakeup } from './wakeup.ts';

const SIGKILL = 9;

interface Parts {
  readonly containers: EmissaryContainers;
  /** KILL to the first process itself, where processes are held. */
  kill?(containerId: string): 'sent' | 'gone' | 'unknown';
  /** How long an emissary may take to take a signal; a workflow controller's looks every two seconds. */
  readonly takenWithinMs: number;
}

/**
 * Signals through the file `ctr/NAME/signal`, which the emissary takes away and passes on to the command's process group;
 * `sent` is what it has taken. Several to one container go one after the other.
 */
export class SignalFiles implements SignalRole {
  readonly #parts: Parts;
  readonly #queues = new Map<string, Promise<unknown>>();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  async send(container: Container, number: number, signal: AbortSignal): Promise<'sent' | 'gone'> {
    if (number === SIGKILL && this.#parts.kill !== undefined) {
      const outcome = this.#parts.kill(container.id);
      if (outcome !== 'unknown') return outcome;
    }
    const key = `${container.podUid}/${container.name}`;
    const before = this.#queues.get(key);
    const own = (async () => {
      await before?.catch(() => undefined);
      return await this.#write(container, number, signal);
    })();
    this.#queues.set(key, own);
    try {
      return await own;
    } finally {
      if (this.#queues.get(key) === own) this.#queues.delete(key);
    }
  }

  async #write(container: Container, number: number, signal: AbortSignal): Promise<'sent' | 'gone'> {
    signal.throwIfAborted();
    const { containers, takenWithinMs } = this.#parts;
    const shared = containers.volume(container.podUid);
    if (shared === undefined) throw notSupervised(container, 'its pod is not known to this executor');
    if (isGone(containers, container)) return 'gone';
    if (!put(shared, container.name, String(number)))
      throw notSupervised(container, 'its shared volume is not there, or cannot be written');
    const late = AbortSignal.timeout(takenWithinMs);
    const done = new AbortController();
    try {
      const outcome = await this.#taken(shared, container, AbortSignal.any([signal, late, done.signal]));
      if (outcome === 'sent') return outcome;
      takeBack(shared, container.name);
      return outcome;
    } catch (error) {
      takeBack(shared, container.name);
      if (!late.aborted || signal.aborted) throw error;
      throw notSupervised(container, `nobody has taken the signal for ${takenWithinMs / 1000} s`);
    } finally {
      done.abort();
    }
  }

  /** `signal` has to abort in the end, whatever comes. */
  async #taken(shared: PodVolume, container: Container, signal: AbortSignal): Promise<'sent' | 'gone'> {
    const { containers } = this.#parts;
    const wakeup = new Wakeup();
    const pace = new Pace();
    containers.store?.subscribe(wakeup.wake, signal, container.podUid);
    for (;;) {
      const cancel = shared.onceChanged(container.name, wakeup.wake);
      try {
        using volume = shared.open();
        // Before the end is looked at: it may be what the signal has brought about.
        if (volume?.has(`ctr/${container.name}/signal`) === false) return 'sent';
        if (isGone(containers, container)) return 'gone';
        await wakeup.next(signal);
      } finally {
        cancel();
      }
      await sleep(pace.next(performance.now()), undefined, { signal });
    }
  }
}

/** The emissary may not have made its directories yet: it finds the signal when it does. */
function put(shared: PodVolume, container: string, number: string): boolean {
  using volume = shared.open();
  if (volume === undefined) return false;
  return (
    volume.makeDirectory('', 'ctr') &&
    volume.makeDirectory('ctr', container) &&
    volume.write(`ctr/${container}`, 'signal', number, 0o666)
  );
}

/** Not for a later attempt to find. */
function takeBack(shared: PodVolume, container: string): void {
  using volume = shared.open();
  volume?.remove(`ctr/${container}`, 'signal');
}

function isGone({ store }: EmissaryContainers, { podUid, id }: Container): boolean {
  const now = store?.byId(podUid, id);
  return now === undefined || hasEnded(now);
}

function notSupervised({ name }: Container, why: string): PodhandError {
  const message = `the emissary of container "${name}" cannot be reached: ${why}; its command has to be podhand-emissary --container ${name}, with the pod's shared volume`;
  return new PodhandError('NOT_SUPERVISED', message);
}
