// The real components of the tests, by hand:
//   node scripts/node.ts up       install and start the Docker engine of the tests, make its images, build grpcurl and
//                                 the emissary
//   node scripts/node.ts status   what runs and what is left over
//   node scripts/node.ts sweep    remove pods of runs that are gone, of both runtimes, and containers of the tests
//   node scripts/node.ts down     sweep everything, and end every engine of ours; caches stay
import { readdir } from 'node:fs/promises';
import Docker from 'dockerode';
import { releaseEmissary } from '../test/emissary/running.ts';
import { ensureNodeBase } from '../test/image/base-image.ts';
import { cacheDir, runDir } from '../test/node/cache.ts';
import { startEngine } from '../test/node/docker-engine.ts';
import { sweepEngine } from '../test/node/docker-runtime.ts';
import { ensureGrpcurl } from '../test/node/grpcurl.ts';
import { ensureImages } from '../test/node/images.ts';
import { knownPods, sweepPods } from '../test/node/leftovers.ts';
import { OwnEngine } from '../test/node/own-engine.ts';

const commands: Readonly<Record<string, () => Promise<void>>> = {
  async up() {
    const engine = await startEngine();
    await ensureImages(engine.docker);
    await ensureNodeBase(engine.docker, engine.socketPath);
    await releaseEmissary();
    say(`engine   ${engine.socketPath}`);
    say(`grpcurl  ${await ensureGrpcurl()}`);
  },

  async status() {
    say(`cache    ${cacheDir()}`);
    for (const engine of await engines()) {
      const pid = await engine.pid();
      say(`engine   ${engine.socketPath}  ${pid === undefined ? 'down' : `dockerd ${pid}`}`);
    }
    for (const { uid, owner, alive } of await knownPods())
      say(`pod      ${uid}  ${alive ? `of process ${owner}` : 'left over'}`);
  },

  async sweep() {
    await sweep({});
  },

  async down() {
    await sweep({ all: true });
    for (const engine of await engines()) {
      await engine.stop();
      say(`ended engine ${engine.socketPath}`);
    }
  },
};

async function sweep(options: { all?: boolean }): Promise<void> {
  for (const uid of await sweepPods(options)) say(`removed pod ${uid}`);
  for (const engine of await engines()) {
    const { socketPath } = engine;
    const removed = (await engine.answers()) ? await sweepEngine(new Docker({ socketPath })) : 0;
    if (removed > 0) say(`removed ${removed} containers from ${socketPath}`);
  }
}

/** Every engine of ours that has left a directory under the run directory. */
async function engines(): Promise<OwnEngine[]> {
  const names = await readdir(cacheDir('engines')).catch((): string[] => []);
  const running = await readdir(runDir).catch((): string[] => []);
  return names.filter((name) => running.includes(name)).map((name) => new OwnEngine(name));
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

const command = commands[process.argv[2] ?? ''];
if (command === undefined) {
  process.stderr.write(`usage: node scripts/node.ts ${Object.keys(commands).join('|')}\n`);
  process.exit(64);
}
await command();
