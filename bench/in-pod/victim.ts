// In the calling container: what a pod does that stays within its limits. Arguments: socket, numbers of small calls and
// of reads of main's /file, and the containers to end, whose input is /outputs/NAME. Prints milliseconds of each.
import { closeSync, openSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { ExecutorClient } from '../../src/client/executor-client.ts';

const [socketPath = '', calls = '', files = '', ...ending] = process.argv.slice(2);
/** Half of what the agent lets a pod call; between two files and ends it calls less. */
const pauseMs = 20;
// An outage would be waited for: here it is an error.
const client = new ExecutorClient({ socketPath, retryFor: 0 });

async function drain(stream: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of stream);
}

async function times(count: number, action: (at: number) => Promise<unknown>): Promise<number[]> {
  const taken: number[] = [];
  for (let at = 0; at < count; at += 1) {
    await sleep(pauseMs);
    const start = performance.now();
    await action(at);
    taken.push(performance.now() - start);
  }
  return taken;
}

const call = () => client.getInfo();
const file = () => drain(client.readFile({ container: 'main', path: '/file' }));
await times(20, call);
await file();
const shown = {
  calls: await times(Number(calls), call),
  files: await times(Number(files), file),
  ends: [] as number[],
};
for (const name of ending) {
  const input = openSync(`/outputs/${name}`, 'w');
  const answer = drain(client.wait({ containers: [name] }));
  // By then it waits.
  await sleep(100);
  const start = performance.now();
  closeSync(input);
  await answer;
  shown.ends.push(performance.now() - start);
}
process.stdout.write(JSON.stringify(shown));
client.close();
