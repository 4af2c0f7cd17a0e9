import { homedir } from 'node:os';
import { join } from 'node:path';

/**
 * Where the real components of tests, demo and bench are kept between runs: the engine's data, root trees of images,
 * tools. Never inside the checkout. `PODHAND_CACHE` chooses it; the default is `$XDG_CACHE_HOME/podhand`, which is
 * `~/.cache/podhand` on most machines. Safe to delete while nothing of ours runs (`scripts/node.ts down`).
 */
export function cacheDir(...below: string[]): string {
  const { PODHAND_CACHE, XDG_CACHE_HOME } = process.env;
  return join(PODHAND_CACHE || join(XDG_CACHE_HOME || join(homedir(), '.cache'), 'podhand'), ...below);
}

/** The engine that the developer points at (`DOCKER_HOST=unix:///...`), as a socket path. Other schemes are refused. */
export function chosenEngineSocket(): string | undefined {
  const { DOCKER_HOST } = process.env;
  if (!DOCKER_HOST) return undefined;
  if (!DOCKER_HOST.startsWith('unix:///')) {
    throw new Error(`DOCKER_HOST=${DOCKER_HOST}: the tests need an engine of this machine, as unix:///path`);
  }
  return DOCKER_HOST.slice('unix://'.length);
}

/** What lives only while something runs: sockets, pid files, mounts, pods. Every leftover is found below it. */
export const runDir = '/run/podhand-test';
