// npm test: checks, then runs every suite. It needs root: a real container engine is started, namespaces and cgroups
// are made. What it sets up is kept in the cache (PODHAND_CACHE, default ~/.cache/podhand).
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beganVariable } from './elapsed-reporter.ts';
import { run, vitest, vitestTwice, wantRoot, withEngines } from './engines.ts';
import { testSummary } from './test-summary.ts';

/**
 * One executor each over pods of their own, or a cluster of their own: they mostly wait for an engine or a kubelet, and run
 * three at a time. All others fill disks, use up what a user may have, or count what is there, and run alone.
 */
const waiting = [
  'test/conformance/',
  'test/deploy/',
  'test/cluster/',
  'test/doctor/cluster.test.ts',
  'test/sockets/cluster-containerd.test.ts',
  'test/sockets/cluster-docker.test.ts',
  'test/kubernetes/faults.test.ts',
  'test/faults/containerd-restarted.test.ts',
  'test/faults/dockerd-restarted.test.ts',
  'test/faults/node-log-rotated.test.ts',
  ...['docker', 'pns', 'kubelet', 'k8sapi', 'emissary'].map(attacksOn),
];
const atOnce = 3;

function attacksOn(executor: string): string {
  return `test/attacks/${executor}.test.ts`;
}

/** Of each race against an executor; `npm run attacks` makes five times as many. */
const raceReads = 200;

function everything(): number {
  process.env.PODHAND_RACE_READS ??= String(raceReads);
  const directory = mkdtempSync(join(tmpdir(), 'podhand-test-'));
  const report = (name: string) => join(directory, `${name}.json`);
  const reporters = ['default', 'json', './scripts/elapsed-reporter.ts'].map((each) => `--reporter=${each}`);
  const reporting = (name: string) => [...reporters, `--outputFile.json=${report(name)}`];
  const left = waiting.map((path) => `--exclude=${path.endsWith('/') ? `${path}**` : path}`);
  const codes = [
    vitestTwice(...reporting('at-once'), '--file-parallelism', `--max-workers=${atOnce}`, ...waiting),
    vitestTwice(...reporting('alone'), ...left),
  ];
  // A run that was ended from outside has written none.
  console.log(testSummary([report('at-once'), report('alone')].filter(existsSync)));
  rmSync(directory, { recursive: true });
  return Math.max(...codes);
}

wantRoot();
process.env[beganVariable] = String(Date.now());
run('npm', 'run', 'check');
const chosen = process.argv.slice(2);
process.exit(chosen.length === 0 ? withEngines(everything) : vitest(...chosen));
