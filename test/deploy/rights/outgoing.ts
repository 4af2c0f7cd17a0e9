import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Cluster } from '../../cluster/cluster.ts';
import type { ClusterRuntime } from '../../cluster/places.ts';
import { becomes } from '../../node/processes.ts';
import { manifest } from '../deployed-agent.ts';
import { Agents } from './agents.ts';
import { ownSocket, Trace, waiting } from './connections.ts';
import { type Peer, rightsOn } from './expected.ts';
import { failed, type Tried } from './functions.ts';
import type { RightsNode } from './rights-node.ts';
import { type Shipped, shipped } from './shipped.ts';

/** As the manifests name it. */
function address(peer: Peer, { nodeIp, apiUrl }: Cluster): string {
  if (peer === 'engine') return 'unix:/run/docker/docker.sock';
  return peer === 'kubelet' ? `${nodeIp}:10250` : `${new URL(apiUrl).hostname}:443`;
}

/** Nobody listens there: what counts is who is called. */
const collector = ({ nodeIp }: Cluster) => `${nodeIp}:4318`;

function withTracing({ config, ...rest }: Shipped, cluster: Cluster): Shipped {
  return { ...rest, config: `${config}\ntracing: { endpoint: "http://${collector(cluster)}" }\n` };
}

/** Where the agents of a node send something to, from their first system call on, while every function is tried. */
export function outgoingConnections(runtime: ClusterRuntime, node: () => RightsNode): void {
  describe('outgoing connections', () => {
    const all = rightsOn(runtime);
    const traces: Trace[] = [];
    let agents: Agents;
    let tried: Partial<Tried>[];

    beforeAll(async () => {
      const { cluster } = node();
      const manifests = await Promise.all(
        all.map(async (each) => (await shipped(cluster.kubectl, manifest(each.manifest)))()),
      );
      // Besides those as they are, the first one with something more to call.
      const wanted = [...manifests, ...manifests.slice(0, 1).map((each) => withTracing(each, cluster))];
      const mark = (at: number) => `traced-${runtime}-${at}-${process.pid}`;
      agents = new Agents(
        node(),
        'outgoing',
        wanted.map((each, at) => waiting(each, mark(at))),
      );
      const trying = agents.try();
      const begun = agents.places.map(async ({ directory }, at) => {
        traces[at] = await Trace.begin(mark(at), `${directory}/run`);
      });
      await Promise.all([trying, ...begun]);
      tried = await trying;
    }, 1_200_000);
    afterAll(async () => {
      await agents?.remove();
      for (const trace of traces) await trace?.end();
    }, 120_000);

    const known = (peers: readonly Peer[] = [], ...others: string[]) =>
      [...peers.map((peer) => address(peer, node().cluster)), ownSocket, ...others].sort();

    for (const [at, { executor, cannot, peers }] of all.entries())
      test(`${executor} calls nobody but ${peers.join(', ') || 'itself'}`, () => {
        expect(failed(tried[at] ?? {}), JSON.stringify(tried[at])).toEqual(cannot);
        expect(traces[at]?.destinations).toEqual(known(peers));
      });

    test('who is named in its configuration is called, and seen to be', async () => {
      const called = collector(node().cluster);
      const trace = traces[all.length];
      expect(await becomes(() => trace?.destinations.includes(called) === true, 55_000)).toBe(true);
      expect(trace?.destinations).toEqual(known(all[0]?.peers, called));
    }, 90_000);
  });
}
