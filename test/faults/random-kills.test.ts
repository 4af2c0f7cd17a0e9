import { randomInt } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { SocketNode } from '../sockets/socket-node.ts';
import { storm } from './kills/storm.ts';

// A short storm each time; a long one is asked for: PODHAND_KILLS=200 PODHAND_KILL_PODS=50.
const seed = Number(process.env.PODHAND_KILL_SEED ?? randomInt(2 ** 31));
const kills = Number(process.env.PODHAND_KILLS ?? 20);
const pods = Number(process.env.PODHAND_KILL_PODS ?? 15);

// pns, over pods of plain namespaces: fifty of them cost what five of an engine cost. Nobody but the agent sees how their
// containers end, so what ends while it is away has a record that says "unknown"; agent-killed.test.ts has an engine.
let node: SocketNode;
beforeAll(async () => {
  node = await SocketNode.open(['limits.connectionsPerPod=256']);
  await node.agent.end('SIGKILL');
});
afterAll(async () => await node?.close());

const title = `${pods} pods at work, the agent killed ${kills} times: each record once, artifacts whole, each line once`;
test(title, { timeout: 120_000 + kills * 20_000, retry: 0 }, async () => {
  process.stderr.write(`PODHAND_KILL_SEED=${seed} PODHAND_KILLS=${kills}\n`);
  const { faults, ...seen } = await storm(node, { seed, kills, pods });
  process.stderr.write(`${JSON.stringify(seen)}\n`);
  expect(faults, `with PODHAND_KILL_SEED=${seed}`).toEqual([]);
  // The last pods end beside an agent that stays: records that are all unknown would agree with each other, too.
  expect(seen.known, 'records with an exit code').toBeGreaterThan(0);
  // What is told above of a step that no kill has met would be nothing. A few kills, asked for by hand, may miss one.
  if (kills < 50) return;
  for (const step of ['waiting', 'saving', 'stopping'] as const) expect(seen.met[step], step).toBeGreaterThan(0);
});
