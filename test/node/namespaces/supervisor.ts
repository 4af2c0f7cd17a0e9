/**
 * The parent of all containers of one runtime, in a process of its own: it reaps them and writes their logs, whatever the
 * test does meanwhile. When the process that forked it is gone it removes every pod that this one made, and ends.
 */
import { sweepPods } from '../leftovers.ts';
import type { Methods, Request, Response } from './protocol.ts';
import { SupervisedContainer } from './supervised.ts';

const containers = new Map<string, SupervisedContainer>();

type Method<M extends keyof Methods> = (params: Methods[M]['params']) => Promise<Methods[M]['result']>;

const methods: { readonly [M in keyof Methods]: Method<M> } = {
  async create(bundle) {
    const container = await SupervisedContainer.create(bundle);
    containers.set(bundle.id, container);
    return { pid: container.pid };
  },
  async start({ id }) {
    await find(id).start();
    return null;
  },
  async exited({ id }) {
    return { exitCode: await find(id).exited };
  },
  async signal({ id, signal }) {
    find(id).signal(signal);
    return null;
  },
  async rotate({ id, to }) {
    find(id).rotate(to);
    return null;
  },
  async remove({ id, force }) {
    await containers.get(id)?.remove(force);
    containers.delete(id);
    return null;
  },
};

function find(id: string): SupervisedContainer {
  const container = containers.get(id);
  if (container === undefined) throw new Error(`no container ${id}`);
  return container;
}

async function answer(request: Request): Promise<Response> {
  const { call, method, params } = request;
  try {
    return { call, result: await (methods[method] as (params: unknown) => Promise<unknown>)(params) };
  } catch (error) {
    return { call, error: (error as Error).message };
  }
}

process.on('message', async (request: Request) => {
  const response = await answer(request);
  if (process.connected) process.send?.(response);
});
process.on('disconnect', async () => {
  await sweepPods();
  process.exit();
});
for (const signal of ['SIGINT', 'SIGHUP', 'SIGTERM'] as const) process.on(signal, () => {});
