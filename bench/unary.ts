import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { ExecutorClient } from '../src/client/executor-client.ts';
import { loadExecutorService } from '../src/wire/load.ts';
import { figures, row } from './figures.ts';
import { type BenchSubject, known } from './subject.ts';

const calls = 3000;

/** GetInfo beside a bare grpc-js server that answers the same message. */
export async function benchUnary({ runtime, clientOf }: BenchSubject): Promise<void> {
  const pod = await runtime.pod();
  await pod.run({ name: 'main', command: ['/bin/sleep', '600'] });
  const client = clientOf(pod.uid);
  await known(client, 'main');
  const answer = await client.getInfo();
  const directory = mkdtempSync(join(tmpdir(), 'podhand-echo-'));
  const echo = new Server();
  const { definition } = loadExecutorService();
  echo.addService(definition, {
    GetInfo: (_call: unknown, callback: (error: null, value: unknown) => void) => callback(null, answer),
  });
  await new Promise<void>((resolve, reject) => {
    echo.bindAsync(`unix:${directory}/echo.sock`, ServerCredentials.createInsecure(), (error) =>
      error ? reject(error) : resolve(),
    );
  });
  const bare = new ExecutorClient({ socketPath: `${directory}/echo.sock` });
  const [ours, theirs]: [number[], number[]] = [[], []];
  for (let call = 0; call < calls; call += 1) {
    for (const [to, into] of [
      [client, ours],
      [bare, theirs],
    ] as const) {
      const start = performance.now();
      await to.getInfo();
      into.push(performance.now() - start);
    }
  }
  for (const each of [client, bare]) each.close();
  echo.forceShutdown();
  rmSync(directory, { recursive: true, force: true });
  await pod.remove();
  const [a, b] = [figures(ours.slice(500)), figures(theirs.slice(500))];
  row('GetInfo, p50 (peer: a bare grpc-js server)', 'ms', a.p50, b.p50, 'at most 1.3');
  row('GetInfo, p99 (peer: a bare grpc-js server)', 'ms', a.p99, b.p99, 'at most 1.3');
}
