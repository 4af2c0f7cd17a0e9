import { PodhandError } from '../../../../wire/errors.ts';
import { createNodeLogs } from '../../../logs/node-logs.ts';
import { hasEnded } from '../../../pods/model.ts';
import type { PodStore } from '../../../pods/store.ts';
import type { LogsRole } from '../../roles.ts';

/** The engine says that a container has died once it has written what the container printed, or has given up on it. */
const drain = { settle: 250, longest: 5_000, drained: hasEnded };

/**
 * Logs from the files that the engine's json-file driver writes below `directory`, without asking the engine. `store` is
 * the one that the containers role feeds; undefined before it does.
 */
export function dockerLogFiles(directory: string, store: () => PodStore | undefined): LogsRole {
  return {
    read: (container, options, signal) => {
      const known = store();
      if (known === undefined)
        throw new PodhandError('RUNTIME_UNAVAILABLE', 'the agent does not know its containers yet');
      const roots = { docker: directory };
      return createNodeLogs({ store: known, roots, drain }).read(container, options, signal);
    },
  };
}
