import { spawn } from 'node:child_process';
import { createReadStream, createWriteStream, readdirSync, readFileSync } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { ExecutorClient } from '../../../src/client/executor-client.ts';
import type { Counts } from '../neighbour.ts';

/** Twice what an agent reads at once for one pod. */
const atOnce = 4;
const tree = '/tree/many';
const million = '/tree/million';
const big = '/tree/big';

/** Trees of as many entries as there may be, and gigabytes saved into the pod's own volume, several of each at once. */
export function trees(socketPath: string, counts: Counts): void {
  const client = new ExecutorClient({ socketPath, retryFor: 0 });
  for (let at = 0; at < atOnce; at += 1) {
    void again(counts, 'trees', () => collect(client, tree));
    const destination = `/tree/saved-${at}`;
    void again(counts, 'saves', () =>
      client.saveArtifact({ container: 'main', path: big, destination, format: 'ARCHIVE_FORMAT_RAW', overwrite: true }),
    );
  }
}

/** Trees of more entries than there may be: each is refused once so many were read. */
export function millions(socketPath: string, counts: Counts): void {
  const client = new ExecutorClient({ socketPath, retryFor: 0 });
  for (let at = 0; at < atOnce; at += 1) void again(counts, 'trees', () => collect(client, million));
}

const collect = (client: ExecutorClient, path: string) =>
  client.collectArtifact({ container: 'main', path, format: 'ARCHIVE_FORMAT_TAR' });

async function again(counts: Counts, name: string, ask: () => AsyncIterable<unknown>): Promise<never> {
  for (;;) {
    try {
      for await (const _ of ask());
      counts[name] = (counts[name] ?? 0) + 1;
    } catch (error) {
      const { reason = String(error) } = error as { reason?: string };
      counts[reason] = (counts[reason] ?? 0) + 1;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}

/** The same trees without podhand, as many at once as an agent reads for one pod: packed by tar, and thrown away. */
export function tarByItself(_: string, counts: Counts): void {
  const pack = () => {
    spawn('/bin/sh', ['-c', `tar -c -f - ${million} | cat > /dev/null`], { stdio: 'ignore' }).once('exit', () => {
      counts.trees = (counts.trees ?? 0) + 1;
      pack();
    });
  };
  for (let at = 0; at < atOnce / 2; at += 1) pack();
}

/** The same work without podhand: the tree is read, and the big file copied, without end. */
export function copyByItself(_: string, counts: Counts): void {
  const walk = async (): Promise<never> => {
    for (;;) {
      for (const directory of readdirSync(tree)) {
        for (const name of readdirSync(`${tree}/${directory}`)) readFileSync(`${tree}/${directory}/${name}`);
        // The figures are written in between.
        await new Promise(setImmediate);
      }
      counts.trees = (counts.trees ?? 0) + 1;
    }
  };
  const copy = async (): Promise<never> => {
    for (;;) {
      await pipeline(createReadStream(big), createWriteStream('/tree/copied'));
      counts.copies = (counts.copies ?? 0) + 1;
    }
  };
  void walk();
  void copy();
}
