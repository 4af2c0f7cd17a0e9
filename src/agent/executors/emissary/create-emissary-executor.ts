import type { Logger } from 'pino';
import type { SaveOptions } from '../../files/write-place.ts';
import type { Pod } from '../../pods/model.ts';
import type { HeldContainers } from '../../processes/held-containers.ts';
import type { HeldEvents } from '../pns/held-events.ts';
import type { Executor } from '../roles.ts';
import { emissaryCapabilities } from './capabilities.ts';
import { EmissaryContainers, type HeldView } from './emissary-containers.ts';
import { EmissaryLogs } from './emissary-logs.ts';
import { EmissaryFiles } from './saved-outputs.ts';
import { SignalFiles } from './signal-file.ts';

export interface EmissaryExecutorOptions {
  /**
   * What does without emissaries what they do not do: names pods and containers, tells the ends of those whose emissary
   * was killed, has a log and reads volumes.
   */
  readonly beneath: Executor;
  /** Where the source of pods can be asked again at once. */
  hasten?(): void;
  /** Absent: the agent does not see the node's processes. With it `beneath` is pns, over these. */
  readonly held?: { readonly containers: HeldContainers; readonly events: HeldEvents };
  readonly kubeletDirectory: string;
  /** Names that the pods' shared volume may have. */
  readonly volumes: readonly string[];
  /** For how long an emissary waits for its root to be held. Milliseconds. */
  readonly collectWithinMs: number;
  isOurs(pod: Pod): boolean;
  /** What writing into a volume of a pod's caller takes. */
  saving(podUid: string): SaveOptions;
  readonly log: Logger;
}

const sourcePatienceMs = 10_000;
const unwatchedMs = 1_000;
const takenWithinMs = 10_000;

/** The executor that works through the files which emissaries keep in their pods' shared volumes. */
export function createEmissaryExecutor(options: EmissaryExecutorOptions): Executor {
  const { beneath, held, collectWithinMs, ...rest } = options;
  const { logs, files, stats, entrypoint } = beneath;
  const containers = new EmissaryContainers({
    ...rest,
    source: beneath.containers,
    ...(held && { held: viewOf(held), collectWithinMs }),
    sourcePatienceMs,
    unwatchedMs,
  });
  return {
    name: 'emissary',
    capabilities: emissaryCapabilities({ beneath: beneath.capabilities, held: held !== undefined }),
    containers,
    signal: new SignalFiles({
      containers,
      takenWithinMs,
      ...(held && { kill: (id) => held.containers.signal(id, 9) }),
    }),
    ...(logs && { logs: new EmissaryLogs(containers, logs) }),
    ...(files && { files: new EmissaryFiles({ containers, beneath: files, saving: options.saving }) }),
    ...(stats && { stats }),
    ...(entrypoint && { entrypoint }),
  };
}

function viewOf({ containers, events }: NonNullable<EmissaryExecutorOptions['held']>): HeldView {
  return {
    lives: (id) => {
      const held = containers.get(id);
      return held === undefined || !held.ended;
    },
    taken: (id) => containers.get(id)?.settled,
    subscribe: (listener, signal) => events.subscribe(listener, signal),
  };
}
