import type { Executor, ExecutorSet, LogChunk } from '../../src/agent/executors/roles.ts';
import { capabilityNames } from '../../src/agent/executors/roles.ts';
import type { Container, Pod } from '../../src/agent/pods/model.ts';
import type { PodStore } from '../../src/agent/pods/store.ts';
import { PodhandError } from '../../src/wire/errors.ts';

export const podA: Pod = { uid: '11111111-1111-4111-8111-111111111111', namespace: 'default', name: 'a' };
export const podB: Pod = { uid: '22222222-2222-4222-8222-222222222222', namespace: 'default', name: 'b' };

export function container(pod: Pod, name: string, over: Partial<Container> = {}): Container {
  const digit = (name.charCodeAt(0) % 16).toString(16);
  return {
    podUid: pod.uid,
    name,
    id: `${pod.uid.slice(0, 8)}${digit.repeat(56)}`,
    image: 'test',
    imageId: 'sha256:0',
    kind: 'regular',
    restartCount: 0,
    state: 'running',
    createdAt: new Date(1000),
    startedAt: new Date(2000),
    ...over,
  };
}

export function exited(of: Container, exitCode: number): Container {
  return { ...of, state: 'exited', exit: { exitCode, oomKilled: false, finishedAt: new Date(), source: 'pidfd' } };
}

/**
 * An executor whose runtime is the test: for the RPC layer, where what matters is when things happen and what the
 * caller sees of it. What executors do to real containers is tried on real ones, in the conformance suite.
 */
export class ScriptedExecutor {
  store: PodStore | undefined;
  /** Whether the runtime can be reached. */
  connected = true;
  readonly sent: string[] = [];
  /** What a signal does; by default nothing, as with a program that ignores it. */
  onSignal: (container: Container, number: number) => void = () => undefined;
  logChunks: (signal: AbortSignal) => AsyncIterable<LogChunk> = async function* () {};
  logsEnded = 0;

  put(pod: Pod, value: Container): void {
    this.store?.put(pod, value);
  }

  set(): ExecutorSet {
    const connected = () => this.connected;
    const executor: Executor = {
      name: 'docker',
      capabilities: capabilityNames.map((name) => ({
        name,
        supported: name !== 'stats',
        note: name === 'stats' ? 'not here' : '',
      })),
      containers: {
        get connected() {
          return connected();
        },
        feed: async (store) => {
          this.store = store;
          store.put(podA, container(podA, 'main'));
          store.put(podB, container(podB, 'secret'));
        },
      },
      signal: {
        send: async (to, number) => {
          if (this.store?.byId(to.podUid, to.id)?.state === 'exited') return 'gone';
          this.sent.push(`${to.name} ${number}`);
          this.onSignal(to, number);
          return 'sent';
        },
      },
      logs: { read: (_container, _options, signal) => this.#logs(signal) },
      files: {
        open: async () => {
          // A Node error as a bug would let it out: its text names a path of the node.
          throw Object.assign(new Error("ENOENT: no such file or directory, open '/var/lib/secret'"), {
            code: 'ENOENT',
          });
        },
      },
      entrypoint: {
        image: async () => {
          throw new PodhandError('IMAGE_NOT_FOUND', 'no image');
        },
      },
    };
    return {
      byName: new Map([['docker', executor]]),
      saving: () => {
        throw new Error('the scripted executor has no volumes');
      },
      heldCount: () => 0,
      readers: () => ({ running: 0, waiting: 0, lost: 0 }),
      close: async () => undefined,
    };
  }

  async *#logs(signal: AbortSignal): AsyncGenerator<LogChunk> {
    try {
      yield* this.logChunks(signal);
    } finally {
      this.logsEnded += 1;
    }
  }
}
