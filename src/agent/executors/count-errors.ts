import type { Counter } from 'prom-client';
import { PodhandError } from '../../wire/errors.ts';
import type { Executor, ExecutorName } from './roles.ts';

type Errors = Counter<'executor' | 'reason'>;

/** The same executors, with every failure of a role counted by executor and reason. */
export function countErrors(
  executors: ReadonlyMap<ExecutorName, Executor>,
  errors: Errors,
): ReadonlyMap<ExecutorName, Executor> {
  return new Map([...executors].map(([name, executor]) => [name, counting(executor, errors)]));
}

function counting(executor: Executor, errors: Errors): Executor {
  const count = (error: unknown): never => {
    errors.inc({ executor: executor.name, reason: error instanceof PodhandError ? error.reason : 'INTERNAL' });
    throw error;
  };
  const { entrypoint, files, logs, signal, stats } = executor;
  return {
    name: executor.name,
    capabilities: executor.capabilities,
    containers: executor.containers,
    ...(logs && {
      logs: {
        async *read(container, options, abort) {
          try {
            yield* logs.read(container, options, abort);
          } catch (error) {
            count(error);
          }
        },
      },
    }),
    ...(files && { files: { open: (container, abort) => files.open(container, abort).catch(count) } }),
    ...(signal && {
      signal: {
        ...(signal.withoutKill !== undefined && { withoutKill: signal.withoutKill }),
        send: (container, number, abort) => signal.send(container, number, abort).catch(count),
      },
    }),
    ...(entrypoint && { entrypoint: { image: (container, abort) => entrypoint.image(container, abort).catch(count) } }),
    ...(stats && {
      stats: {
        sample: (container, abort) => stats.sample(container, abort).catch(count),
        final: (container) => stats.final(container),
      },
    }),
  };
}
