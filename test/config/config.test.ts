import { describe, expect, test } from 'vitest';
import { parseConfig } from '../../src/agent/config/load.ts';
import { ConfigError } from '../../src/agent/config/problems.ts';

const parse = (file: string, set: string[] = [], environment: Record<string, string> = {}) =>
  parseConfig({ file, set, environment });

function problems(file: string, set: string[] = [], environment: Record<string, string> = {}): string[] {
  try {
    parse(file, set, environment);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map((problem) => `${problem.where}: ${problem.what}`);
    throw error;
  }
  return [];
}

describe('configuration', () => {
  test('an empty file gives complete defaults, frozen to the bottom', () => {
    const config = parse('');
    expect(config.containerRuntimeExecutor).toBe('pns');
    expect(config.limits.fileBytes).toBe(2 ** 30);
    expect(config.drain).toBe(10_000);
    expect(config.nodeName).not.toBe('');
    expect(Object.isFrozen(config.limits)).toBe(true);
    expect(Object.isFrozen(config.mounts.allow)).toBe(true);
  });

  test('flags win over the environment, the environment over the file', () => {
    const file = 'limits: { fileBytes: 1Ki, treeDepth: 1, treeEntries: 5 }';
    const environment = { PODHAND_LIMITS_FILE_BYTES: '2Ki', PODHAND_LIMITS_TREE_DEPTH: '2' };
    const config = parse(file, ['limits.fileBytes=3Ki'], environment);
    expect(config.limits).toMatchObject({ fileBytes: 3072, treeDepth: 2, treeEntries: 5 });
  });

  test('lists are given as words', () => {
    expect(parse('', ['mounts.allow=rootfs,hostPath']).mounts.allow).toEqual(['rootfs', 'hostPath']);
    expect(parse('', [], { PODHAND_CGROUP_ROOTS: '/a,/b' }).cgroup.roots).toEqual(['/a', '/b']);
  });

  test.each([
    [
      'unknown key',
      'containerRuntimeExecutr: docker',
      'configuration: unknown key "containerRuntimeExecutr"; did you mean "containerRuntimeExecutor"?',
    ],
    ['unknown nested key', 'limits: { filebytes: 1 }', 'limits: unknown key "filebytes"; did you mean "fileBytes"?'],
    ['duration', 'drain: 10', 'drain: Invalid input: expected string, received number'],
    [
      'bytes',
      'limits: { fileBytes: 1Q }',
      'limits.fileBytes: not a quantity of bytes: "1Q" (such as 65536, 64Ki, 1Gi)',
    ],
    ['relative path', 'runDir: run', 'runDir: must be an absolute path'],
    ['dots', 'runDir: /run/../etc', 'runDir: must not contain ".."'],
    ['not a mapping', '- a', 'file: must be a YAML mapping of keys'],
  ])('%s', (_, file, expected) => {
    expect(problems(file)).toContain(expected);
  });

  test('an unknown executor is refused with the known ones', () => {
    expect(problems('containerRuntimeExecutor: dockr')[0]).toMatch(/containerRuntimeExecutor: .*docker.*pns/);
  });

  test('unknown variables and flags name the nearest known one', () => {
    expect(problems('', ['limits.filebyte=1'], { PODHAND_RUNDIR: '/x' })).toEqual([
      'PODHAND_RUNDIR: not a setting; did you mean "PODHAND_RUN_DIR"?',
      '--set limits.filebyte: not a setting; did you mean "limits.fileBytes"?',
    ]);
  });

  test('every problem is reported at once', () => {
    expect(problems('drain: x\nrunDir: y\nfoo: 1', ['bar'], { PODHAND_ZZZ: '1' })).toHaveLength(5);
  });

  test('two executors need one source of pods', () => {
    const file = 'containerRuntimeExecutor: docker\ncontainerRuntimeExecutors: [{ name: pns, selector: {} }]';
    expect(problems(file)).toHaveLength(1);
    expect(problems(`${file}\npns: { podSource: docker }`)).toEqual([]);
  });

  test('kubelet and API server need the node by its name in Kubernetes', () => {
    expect(problems('containerRuntimeExecutor: kubelet')).toEqual([
      expect.stringMatching(/^nodeName: must be given .*spec\.nodeName/),
    ]);
    expect(problems('containerRuntimeExecutor: kubelet', ['kubelet.url=https://10.0.0.1:10250'])).toEqual([]);
    expect(parse('containerRuntimeExecutor: kubelet', ['nodeName=node1']).kubelet.url).toBe('https://node1:10250');
    expect(problems('containerRuntimeExecutor: kubelet', ['kubelet.url=http://node1:10255'])[0]).toMatch(
      /kubelet.url: must be https/,
    );
    expect(problems('pns: { podSource: kubelet }')[0]).toMatch(/^nodeName: /);
  });

  test('the API server is where a pod is told it is', () => {
    const file = 'containerRuntimeExecutor: k8sapi\nnodeName: node1';
    expect(problems(file)[0]).toMatch(/^k8sapi.url: must be given outside of a cluster/);
    expect(problems('records: {events: true}')[0]).toMatch(/^k8sapi.url: must be given/);
    expect(problems('tracing: {endpoint: "ftp://x"}')[0]).toMatch(/^tracing.endpoint: must be http/);
    const environment = { KUBERNETES_SERVICE_HOST: 'fd00::1', KUBERNETES_SERVICE_PORT: '6443' };
    expect(parse(file, [], environment).k8sapi.url).toBe('https://[fd00::1]:6443');
    expect(parse(file, ['k8sapi.url=https://api:1'], environment).k8sapi.url).toBe('https://api:1');
    expect(parse(file, ['k8sapi.nodeAccess=false'], environment).k8sapi.nodeAccess).toBe(false);
    expect(problems('containerRuntimeExecutor: k8sapi', [], environment)[0]).toMatch(/^nodeName: /);
  });

  test('logs of pns come by the API only from who names the pods', () => {
    const environment = { KUBERNETES_SERVICE_HOST: '10.0.0.1' };
    expect(problems('pns: { logs: api }')).toEqual([expect.stringMatching(/^pns.logs: must be node/)]);
    expect(problems('nodeName: n\npns: { logs: api, podSource: docker }')[0]).toMatch(/^pns.logs: /);
    const byApi = 'nodeName: n\npns: { logs: api, podSource: k8sapi }';
    expect(parse(byApi, [], environment).pns.logs).toBe('api');
  });

  test('kubelet beside docker: a node has one source of pods', () => {
    const file =
      'nodeName: n\ncontainerRuntimeExecutor: kubelet\ncontainerRuntimeExecutors: [{ name: docker, selector: {} }]';
    expect(problems(file)).toEqual([expect.stringMatching(/^pns.podSource: a node has one source/)]);
  });
});
