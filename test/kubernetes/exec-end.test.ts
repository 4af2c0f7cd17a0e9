import { expect, test } from 'vitest';
import { apiPaths } from '../../src/agent/executors/k8sapi/api-paths.ts';
import { kubeletPaths } from '../../src/agent/executors/kubelet/kubelet-paths.ts';
import { parseEnd } from '../../src/agent/kubernetes/exec.ts';

const exit = (message: unknown) => ({
  metadata: {},
  status: 'Failure',
  message: `command terminated with non-zero exit code: exit status ${message}`,
  reason: 'NonZeroExitCode',
  details: { causes: [{ reason: 'ExitCode', message }] },
});

test.each<[string, string, unknown]>([
  ['success', JSON.stringify({ metadata: {}, status: 'Success' }), { exitCode: 0 }],
  ['exit 1', JSON.stringify(exit('1')), { exitCode: 1 }],
  ['exit 126', JSON.stringify(exit('126')), { exitCode: 126 }],
  ['not started', JSON.stringify({ status: 'Failure', reason: 'InternalError', message: 'OCI runtime' }), 'failed'],
  ['no code', JSON.stringify({ ...exit('x') }), 'failed'],
  ['nothing', '', 'failed'],
  ['cut', '{"status":"Succ', 'failed'],
])('the end of an exec: %s', (_, text, expected) => {
  expect(parseEnd(Buffer.from(text))).toEqual(expected);
});

test('an argv goes as one parameter per word, and names are encoded', () => {
  const place = { namespace: 'ns', podName: 'p/../q', podUid: 'u', container: 'c' };
  const argv = ['kill', '-15', '1 & x'];
  expect(kubeletPaths.exec(place, argv)).toBe(
    '/exec/ns/p%2F..%2Fq/u/c?command=kill&command=-15&command=1%20%26%20x&output=1&error=1',
  );
  expect(apiPaths.exec(place, argv)).toBe(
    '/api/v1/namespaces/ns/pods/p%2F..%2Fq/exec?container=c&command=kill&command=-15&command=1%20%26%20x&stdout=1&stderr=1',
  );
});
