import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { WebSocketServer } from 'ws';
import { apiPaths } from '../../src/agent/executors/k8sapi/api-paths.ts';
import { kubeletPaths } from '../../src/agent/executors/kubelet/kubelet-paths.ts';
import { execute, parseEnd } from '../../src/agent/kubernetes/exec.ts';

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

// No real one keeps an exec of kill open.
test('a server that never tells the end of an exec is away, and nobody has cancelled anything', async () => {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const endpoint = {
    origin: { url: `http://127.0.0.1:${port}`, ca: '' },
    authorized: async <T>(call: (token: string) => Promise<T>) => await call('token'),
  };
  const { signal } = new AbortController();
  await expect(execute(endpoint, '/exec', signal, 100)).rejects.toMatchObject({ reason: 'RUNTIME_UNAVAILABLE' });
  const reason = new Error('the caller has gone');
  await expect(execute(endpoint, '/exec', AbortSignal.abort(reason), 100)).rejects.toBe(reason);
  for (const client of server.clients) client.terminate();
  server.close();
});
