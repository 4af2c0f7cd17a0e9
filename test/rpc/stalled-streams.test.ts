import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { eventually } from '../conformance/subject.ts';
import { Attacker } from '../fuzz/attacker.ts';
import { callFields, flags, frame, headers, kinds, number32, settings } from '../fuzz/frames.ts';
import { figure } from '../operations/scrape.ts';
import { type AgentUnderTest, startTestAgent } from './agent-under-test.ts';
import { podA } from './scripted-executor.ts';

const streams = 60;
const chunk = 64 * 1024;
/** Four that are on their way, each as its caller and as HTTP/2 has it at most, and one in the hand of its source. */
const mostChunks = 9;
const mebibyte = 1024 * 1024;
const window = 2 ** 30;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;
/** Memory of buffers, which is where messages are until they are sent. */
function bufferBytes(): number {
  collectGarbage();
  return process.memoryUsage().arrayBuffers;
}

let agent: AgentUnderTest;
const metrics = `/tmp/podhand-stalled-${process.pid}.sock`;
let made = 0;
beforeAll(async () => {
  agent = await startTestAgent(['callers.witness=none', `metrics.listen=unix:${metrics}`]);
  agent.executor.logChunks = async function* () {
    for (;;) {
      made += 1;
      yield { stream: 'stdout', data: Buffer.alloc(chunk), cursor: Buffer.from('1') };
    }
  };
});
afterAll(async () => await agent?.close());
const attackers: Attacker[] = [];
afterEach(async () => {
  for (const attacker of attackers.splice(0)) attacker.end();
  await eventually(async () => (await figure(metrics, 'podhand_open_streams')) === 0);
});

const request = Buffer.from([0, 0, 0, 0, 6, 0x0a, 4, ...Buffer.from('main')]);
const call = (stream: number) =>
  Buffer.concat([headers(stream, callFields('StreamLogs')), frame(kinds.data, flags.endStream, stream, request)]);

test.each([
  ['a window of nothing', settings([4, 0]), false],
  [
    'a reader that has stopped',
    Buffer.concat([settings([4, window]), frame(kinds.windowUpdate, 0, 0, number32(window))]),
    true,
  ],
])('streams that are stalled by %s keep some chunks each', async (_, greeting, deaf) => {
  const before = bufferBytes();
  made = 0;
  // One connection for each: what the socket takes is the kernel's.
  for (let at = 0; at < streams; at++) {
    const attacker = await Attacker.greeted(`${agent.directory}/run/pods/${podA.uid}/agent.sock`, greeting);
    attackers.push(attacker);
    if (deaf) attacker.deaf();
    await attacker.write(call(1));
  }
  await eventually(async () => (await figure(metrics, 'podhand_open_streams')) === streams);
  let seen = 0;
  let still = 0;
  await eventually(async () => {
    still = seen === made ? still + 1 : 0;
    seen = made;
    return made >= 2 * streams && still === 25;
  });
  expect((bufferBytes() - before) / mebibyte).toBeLessThan((streams * mostChunks * chunk) / mebibyte);
});
