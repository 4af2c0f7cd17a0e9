import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ExecutorReport } from '../../src/doctor/examine.ts';
import { Cluster } from '../cluster/cluster.ts';
import { run } from '../node/processes.ts';

const bin = fileURLToPath(new URL('../../bin/podhand', import.meta.url));
let cluster: Cluster;
let directory: string;

beforeAll(async () => {
  cluster = await Cluster.up({ runtime: 'docker', name: 'doctor' });
  directory = mkdtempSync(join(tmpdir(), 'podhand-doctor-'));
}, 3_600_000);
afterAll(async () => {
  await cluster?.close();
  rmSync(directory, { recursive: true, force: true });
});

/** Of one executor, configured with this token. */
async function doctor(executor: 'kubelet' | 'k8sapi', token: string) {
  const tokenFile = join(directory, 'token');
  writeFileSync(tokenFile, token);
  const settings = [
    `containerRuntimeExecutor=${executor}`,
    `nodeName=${cluster.nodeName}`,
    `runDir=${directory}/run`,
    `stateDir=${directory}/state`,
    `kubelet.directory=${cluster.kubeletDir}`,
    ...Object.entries({ kubelet: cluster.kubeletUrl, k8sapi: cluster.apiUrl }).flatMap(([server, url]) => [
      `${server}.url=${url}`,
      `${server}.caFile=${cluster.caFile}`,
      `${server}.tokenFile=${tokenFile}`,
    ]),
  ];
  const flags = [...settings.flatMap((each) => ['--set', each]), '-o', 'json'];
  const { exitCode, stdout } = await run([process.execPath, bin, 'doctor', ...flags], { env: {} });
  const { executors } = JSON.parse(stdout.toString()) as { executors: ExecutorReport[] };
  const checks = executors.find(({ name }) => name === executor)?.checks ?? [];
  return { exitCode, failed: checks.filter((each) => each.required && !each.ok) };
}

test.each([
  ['kubelet', { apiGroups: [''], resources: ['nodes/proxy'], verbs: ['get'] }],
  ['k8sapi', { apiGroups: [''], resources: ['pods'], verbs: ['get', 'list', 'watch'] }],
] as const)('%s can run in a cluster with its rights, and not without them', async (executor, rule) => {
  const allowed = await cluster.serviceAccount([rule]);
  expect(await doctor(executor, await allowed.token())).toEqual({ exitCode: 0, failed: [] });
  const other = await cluster.serviceAccount([{ apiGroups: [''], resources: ['nodes'], verbs: ['get'] }]);
  const forbidden = await doctor(executor, await other.token());
  expect(forbidden).toMatchObject({ exitCode: 64, failed: [{ name: `${executor} pods`, ok: false }] });
  expect(forbidden.failed[0]?.found).toContain('HTTP 403');
  const unknown = await doctor(executor, 'not a token');
  expect(unknown.failed[0]?.found).toContain('HTTP 401');
  await allowed.remove();
  await other.remove();
});
