import { afterAll, beforeAll } from 'vitest';
import { recordEventsInCluster } from './record-events.ts';
import { openRightsNode, type RightsNode } from './rights/rights-node.ts';
import { seccompInCluster } from './seccomp.ts';

let opened: RightsNode;
const node = () => opened;

beforeAll(async () => {
  opened = await openRightsNode('containerd', 'events');
}, 3_900_000);
afterAll(async () => await opened?.close(), 180_000);

seccompInCluster(node);
recordEventsInCluster(node);
