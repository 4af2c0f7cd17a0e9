import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ClusterRuntime } from '../cluster/places.ts';
import { manifestRights, rightsOn } from './rights/expected.ts';
import { leastRights } from './rights/least-rights.ts';
import { outgoingConnections } from './rights/outgoing.ts';
import { openRightsNode, type RightsNode } from './rights/rights-node.ts';

describe.each<ClusterRuntime>(['containerd', 'docker'])('a node with %s', (runtime) => {
  let opened: RightsNode;
  const node = () => opened;
  beforeAll(async () => {
    opened = await openRightsNode(runtime, `rights-${runtime}`);
  }, 3_900_000);
  afterAll(async () => await opened?.close(), 180_000);

  leastRights(rightsOn(runtime), node);
  outgoingConnections(runtime, node);
});

test('every right is for something, or it is said why that cannot be shown', () => {
  const losses = manifestRights.flatMap(({ executor, without }) =>
    Object.entries(without).map(([right, loss]) => ({ executor, right, ...loss })),
  );
  expect(losses.filter((each) => 'fails' in each && each.fails.length === 0)).toEqual([]);
});
