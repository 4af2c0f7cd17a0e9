import { copyFileSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { manifest } from './deployed-agent.ts';
import { Agents } from './rights/agents.ts';
import { failed, type Tried } from './rights/functions.ts';
import { withComponents } from './rights/own-overlay.ts';
import type { RightsNode } from './rights/rights-node.ts';

const program = readFileSync(join(import.meta.dirname, 'rights/forbidden-calls.mjs'), 'utf8');

/** deploy/components/seccomp beside the runtime's own profile, which the manifest has by itself. */
export function seccompInCluster(node: () => RightsNode): void {
  describe('seccomp', () => {
    let agents: Agents;
    let tried: Partial<Tried>[];
    const [runtimes, own] = [0, 1];

    beforeAll(async () => {
      const { kubectl, kubeletDir } = node().cluster;
      mkdirSync(join(kubeletDir, 'seccomp'), { recursive: true });
      copyFileSync(manifest('seccomp/podhand.json'), join(kubeletDir, 'seccomp/podhand.json'));
      agents = new Agents(node(), 'seccomp', [await withComponents(kubectl), await withComponents(kubectl, 'seccomp')]);
      tried = await agents.try();
    }, 900_000);
    afterAll(async () => await agents?.remove(), 120_000);

    async function exec(at: number, ...argv: string[]): Promise<string> {
      const { exitCode, stdout, stderr } = await agents.exec(at, ...argv);
      expect([exitCode, `${stderr}`]).toEqual([0, '']);
      return `${stdout}`;
    }
    const answers = async (at: number): Promise<Record<string, string>> =>
      JSON.parse(await exec(at, 'node', '--input-type=module', '-e', program));

    test('every function of the agent works under either profile', () => {
      expect(tried.map((each) => failed(each))).toEqual([[], []]);
    });

    test('both are in force', async () => {
      for (const at of [runtimes, own]) expect(await exec(at, 'cat', '/proc/self/status')).toMatch(/^Seccomp:\t2$/m);
    }, 120_000);

    test('its own profile refuses what the agent has no use for', async () => {
      const { clone3, io_uring_setup, ...others } = await answers(own);
      expect([clone3, io_uring_setup]).toEqual(['ENOSYS', 'ENOSYS']);
      expect(others).toEqual(Object.fromEntries(Object.keys(others).map((name) => [name, 'EPERM'])));
    }, 120_000);

    test("the runtime's lets through what its capabilities open: other processes' memory, any file by its handle", async () => {
      expect(await answers(runtimes)).toMatchObject({
        ptrace: 'ESRCH',
        process_vm_readv: 'EINVAL',
        pidfd_getfd: 'EBADF',
        open_by_handle_at: expect.not.stringMatching('EPERM'),
        setns: 'EPERM',
        mount: 'EPERM',
        bpf: 'EPERM',
      });
    }, 120_000);
  });
}
