// In a container: a pod that asks for all it can get, without end. Arguments: how, the socket, and a file that is there
// once it is under way, with what it has done so far. Ways that do not touch the socket do the work of another without
// podhand, so that what the machine itself is slowed by is known.
import { renameSync, writeFileSync } from 'node:fs';
import { churn } from './neighbour/churn.ts';
import { flood } from './neighbour/flood.ts';
import { pingWithoutEnd } from './neighbour/pings.ts';
import { stall } from './neighbour/stall.ts';
import { copyByItself, millions, tarByItself, trees } from './neighbour/trees.ts';

/** What was done, by name; shown beside the figures. */
export type Counts = Record<string, number>;

const ways: Readonly<Record<string, (socket: string, counts: Counts) => void>> = {
  flood,
  stall,
  churn,
  pings: pingWithoutEnd,
  trees,
  million: millions,
  copy: copyByItself,
  tar: tarByItself,
  burn: (_, counts) => {
    const spin = () => {
      for (const until = performance.now() + 50; performance.now() < until; );
      counts.spins = (counts.spins ?? 0) + 1;
      setImmediate(spin);
    };
    spin();
  },
};

const [way = '', socket = '', told = ''] = process.argv.slice(2);
const run = ways[way];
if (run === undefined) throw new Error(`no way "${way}": ${Object.keys(ways).join(', ')}`);
const counts: Counts = {};
run(socket, counts);
setInterval(() => {
  writeFileSync(`${told}.new`, JSON.stringify(counts));
  renameSync(`${told}.new`, told);
}, 500);
