/**
 * A hostile process: does as many random things as it is told to, in a directory in which an agent wants a socket, and
 * with `around` to the directory itself. It leaves whatever comes of it.
 *
 *     node hostile.ts DIRECTORY OUTSIDE COUNT inside|around|pod-disk|pod-memory
 *
 * As `pod-` it is a root process of a pod, with capabilities, in an emptyDir of that medium, and goes on until SIGTERM and
 * until it has done everything once; it then takes away what is in the way, and says as JSON how often it did what.
 */
import {
  chmodSync,
  chownSync,
  closeSync,
  constants,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmdirSync,
  symlinkSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import { podAttack, setImmutable, tidy } from './hostile-pod.ts';

const { O_CREAT, O_NONBLOCK, O_WRONLY } = constants;
const [, , directory = '', outside = '', count = '0', where = ''] = process.argv;
const place = join(directory, 'agent.sock');
const aside = join(directory, 'aside');

const inside: (() => unknown)[] = [
  () => remove(place),
  () => renameSync(place, aside),
  () => renameSync(aside, place),
  () => remove(aside),
  () => symlinkSync(join(outside, 'agent.sock'), place),
  () => symlinkSync(join(outside, 'new.sock'), place),
  () => symlinkSync(join(outside, 'directory'), place),
  () => symlinkSync(place, aside),
  () => writeNonBlocking(place),
  () => mkdirSync(place),
  () => mkdirSync(join(place, 'nested'), { recursive: true }),
  () => linkSync(place, aside),
  () => chmodSync(directory, 0),
  () => chmodSync(directory, 0o777),
  () => chownSync(directory, 1000, 1000),
  () => chmodSync(place, 0),
  () => listen(place),
];

const around: (() => unknown)[] = [
  () => renameSync(directory, `${directory}.moved`),
  () => renameSync(`${directory}.moved`, directory),
  () => symlinkSync(join(outside, 'directory'), directory),
  () => unlinkSync(directory),
  () => rmdirSync(directory),
  () => mkdirSync(directory),
  () => remove(`${directory}.moved`),
];

/** Not fs.rmSync: it can be made to go on for ever. */
function remove(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    for (const name of readdirSync(path)) remove(join(path, name));
    rmdirSync(path);
  }
}

/** A FIFO that nobody reads must not hold the attacker up. */
function writeNonBlocking(path: string): void {
  const fd = openSync(path, O_WRONLY | O_CREAT | O_NONBLOCK, 0o644);
  try {
    writeSync(fd, 'in the way');
  } finally {
    closeSync(fd);
  }
}

function listen(at: string): void {
  const server = createServer((socket) => socket.destroy());
  server.on('error', () => {});
  // Closed soon: most of these sockets are dead when the agent looks.
  server.listen(at, () => server.close());
}

const medium = where.startsWith('pod-') ? where.slice('pod-'.length) : undefined;
const pod = medium === undefined ? {} : podAttack(directory, outside, place, medium);
const names = new Map(Object.entries(pod).map(([name, action]) => [action, name]));
const actions = where === 'around' ? [...inside, ...around, ...around] : [...inside, ...names.keys()];
const did: Record<string, number> = {};
/** For how long after SIGTERM it goes on until it has done everything once. Milliseconds. */
const mostMs = 40_000;

function attempt(action: () => unknown): void {
  try {
    action();
    const name = names.get(action as () => void) ?? 'inside';
    did[name] = (did[name] ?? 0) + 1;
  } catch {
    // What cannot be done now may be done next time.
  }
}

let immutable = 0;
let stopAt: number | undefined;
process.once('SIGTERM', () => {
  stopAt = performance.now();
});
/** Chance may have left out one kind so far; bounded, for a kind that cannot be done at all. */
const isOver = () =>
  stopAt !== undefined && (Object.keys(did).length > names.size || performance.now() - stopAt > mostMs);
for (let done = 0; medium === undefined ? done < Number(count) : !isOver(); done++) {
  attempt(actions[Math.floor(Math.random() * actions.length)] ?? (() => {}));
  if (done % 1000 === 999 && where === 'inside') attempt(() => setImmutable(directory, immutable++ % 2 === 0));
  // A pod has others beside it.
  if (done % 50 === 0) await (medium === undefined ? turn() : sleep(5));
}
if (medium === undefined) attempt(() => setImmutable(directory, false));
else await tidy(directory, medium);
process.stdout.write(`${JSON.stringify(did)}\n`);
process.exit(0);
