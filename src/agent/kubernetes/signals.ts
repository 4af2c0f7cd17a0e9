import { PodhandError } from '../../wire/errors.ts';
import type { SignalRole } from '../executors/roles.ts';
import { signalNumbers } from '../kill/signals.ts';
import { attemptEnd } from '../pods/attempt-end.ts';
import { type Container, hasEnded } from '../pods/model.ts';
import type { KubernetesEndpoint } from './endpoint.ts';
import { execute } from './exec.ts';
import type { ContainerPaths, NodePods } from './node-pods.ts';
import { type KubernetesServer, statusOf, translateKubernetesError } from './status-error.ts';

export const withoutKill =
  "KILL that is sent from inside a container does not end its first process: the kernel protects it. A program that does not obey the first signal has to be stopped by the pod's deletion, or under pns, docker or emissary";

/** A kubelet looks at its runtime once a second, and is asked as often. */
const toldWithinMs = 5000;

interface Parts {
  readonly server: KubernetesServer;
  readonly endpoint: KubernetesEndpoint;
  readonly paths: ContainerPaths;
  readonly pods: NodePods;
}

/**
 * Signals by running the image's own `kill` in the container, as an argv and without a shell, with the exit status read
 * back. It goes to process 1 of the container's pid namespace.
 */
export class ExecSignals implements SignalRole {
  readonly withoutKill = withoutKill;
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Errors: SIGKILL_NOT_OFFERED, KILL_NOT_IN_IMAGE, SHARED_PROCESS_NAMESPACE, PERMISSION_DENIED, RUNTIME_UNAVAILABLE. */
  async send(container: Container, number: number, signal: AbortSignal): Promise<'sent' | 'gone'> {
    if (number === signalNumbers.KILL) throw new PodhandError('SIGKILL_NOT_OFFERED', withoutKill);
    const { server, endpoint, paths, pods } = this.#parts;
    const path = paths.exec(this.#place(container), ['kill', `-${number}`, '1']);
    pods.hasten();
    try {
      const end = await execute(endpoint, path, signal);
      if (end !== 'failed' && end.exitCode === 0) return 'sent';
      return await this.#unsent(container, end === 'failed' ? undefined : end.exitCode, signal);
    } catch (error) {
      signal.throwIfAborted();
      // The container, or its whole pod, is not there any more.
      if (statusOf(error) === 404) return 'gone';
      if (statusOf(error) === 400 || statusOf(error) === 500) return await this.#unsent(container, undefined, signal);
      throw translateKubernetesError(error, server);
    } finally {
      pods.hasten();
    }
  }

  #place({ podUid, name }: Container) {
    const pod = this.#parts.pods.pod(podUid);
    if (pod === undefined) throw new PodhandError('POD_NOT_FOUND', 'the pod has left the node');
    const { hostPID, shareProcessNamespace } = pod.spec;
    if (hostPID || shareProcessNamespace) {
      const message = `container "${name}" shares its process namespace with others: process 1 is not its own, and is not signalled; use pns or docker`;
      throw new PodhandError('SHARED_PROCESS_NAMESPACE', message);
    }
    const { namespace, name: podName } = pod.metadata;
    return { namespace, podName, podUid, container: name };
  }

  /**
   * The runtime did not run it, or it failed. Where the container was ending meanwhile, its status tells so a moment
   * later than the exec does.
   */
  async #unsent(container: Container, exitCode: number | undefined, signal: AbortSignal): Promise<'gone'> {
    const { name } = container;
    if (exitCode === 1 && !(await this.#endsWithin(0, container, signal))) {
      const message = `the user that container "${name}" runs as may not signal its first process`;
      throw new PodhandError('PERMISSION_DENIED', message);
    }
    // Not even 126 tells a missing program from a container that has just ended: dockershim gives it for both.
    if (await this.#endsWithin(toldWithinMs, container, signal)) return 'gone';
    const message = `container "${name}" could not be made to run kill: its image needs one (/bin/kill or busybox), or use pns, docker or emissary`;
    throw new PodhandError('KILL_NOT_IN_IMAGE', message);
  }

  async #endsWithin(ms: number, container: Container, signal: AbortSignal): Promise<boolean> {
    const { store } = this.#parts.pods;
    const now = store?.byId(container.podUid, container.id);
    if (store === undefined || now === undefined || hasEnded(now)) return true;
    if (ms === 0) return false;
    const timeout = AbortSignal.timeout(ms);
    try {
      await attemptEnd(container, store, AbortSignal.any([signal, timeout]));
      return true;
    } catch (error) {
      signal.throwIfAborted();
      if (timeout.aborted) return false;
      throw error;
    }
  }
}
