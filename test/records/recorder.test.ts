import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { PodStore } from '../../src/agent/pods/store.ts';
import { RecordFiles } from '../../src/agent/records/record-files.ts';
import { Recorder } from '../../src/agent/records/recorder.ts';
import { must } from '../node/processes.ts';
import { container, exited, podA, podB } from '../rpc/scripted-executor.ts';

let state: string;
let running: AbortController;
let opened: RecordFiles[];
beforeEach(async () => {
  running = new AbortController();
  opened = [];
  state = mkdtempSync(join(tmpdir(), 'podhand-state-'));
  await must(['mount', '-t', 'tmpfs', '-o', 'size=256k', 'podhand-test', state]);
});
afterEach(async () => {
  running.abort();
  for (const files of opened) await files.close();
  await must(['umount', '--recursive', state]);
  rmSync(state, { recursive: true });
});

const records = () => join(state, 'records');
const fileOf = (pod: { uid: string }, name: string) => join(records(), pod.uid, name);

/** As an agent has it after its start. */
async function started() {
  const logged: Record<string, unknown>[] = [];
  const log = pino({ level: 'info' }, { write: (line: string) => logged.push(JSON.parse(line)) });
  const store = new PodStore();
  const count = { damaged: 0, written: 0, refused: 0 };
  const files = new RecordFiles(records(), log, () => count.damaged++);
  opened.push(files);
  const recorder = new Recorder({
    store,
    files,
    log,
    maxRecords: 100,
    metrics: { written: () => count.written++, refused: () => count.refused++ },
    usageAtEnd: () => undefined,
  });
  await recorder.start(running.signal);
  const ends = async (pod = podA, name = 'main', exitCode = 3) => {
    const ended = exited(container(pod, name), exitCode);
    store.put(pod, ended);
    return await recorder.final(pod, ended);
  };
  const said = (msg: string) => logged.filter((line) => line.msg === msg);
  return { store, recorder, count, ends, said };
}

/** The file of a record that an agent has written before. */
async function written(pod = podA): Promise<string> {
  const agent = await started();
  await agent.ends(pod);
  await agent.recorder.settled();
  return readFileSync(fileOf(pod, 'main-0.json'), 'utf8');
}

const version = (text: string) => text.replace('"version":1', '"version":2');
const half = (text: string) => text.slice(0, text.length / 2);

test.each([
  ['truncated', half],
  ['empty', () => ''],
  ['garbage', () => '\0\xff{]'],
  ['another version', version],
  ['too large', (text: string) => text + ' '.repeat(70_000)],
  ['of another container', (text: string) => text.replace('"main"', '"other"')],
  ['of another pod', (text: string) => text.replaceAll(podA.uid, podB.uid)],
])('a record that is %s is moved aside, told of, and nobody is answered from it', async (_, damage) => {
  const text = await written();
  writeFileSync(fileOf(podA, 'main-0.json'), damage(text));
  const agent = await started();
  expect(agent.said('not a final record, moved aside')).toMatchObject([{ path: fileOf(podA, 'main-0.json') }]);
  expect(agent.count.damaged).toBe(1);
  for (const pod of [podA, podB]) {
    agent.store.addPod(pod);
    expect(agent.store.attempts(pod.uid)).toEqual([]);
  }
  expect(await agent.ends(podA, 'main', 9)).toMatchObject({ exitCode: 9 });
  await agent.recorder.settled();
  expect(JSON.parse(readFileSync(fileOf(podA, 'main-0.json'), 'utf8'))).toMatchObject({ exitCode: 9 });
  expect(readFileSync(fileOf(podA, 'main-0.json.unreadable'), 'utf8')).toBe(damage(text));
  expect((await started()).count.damaged).toBe(0);
});

test('what is no file among the records neither stops the start nor the others', async () => {
  await written(podB);
  mkdirSync(fileOf(podA, 'main-0.json'), { recursive: true });
  mkdirSync(fileOf(podA, '.main-0.json.tmp'));
  await must(['mkfifo', fileOf(podA, 'pipe-0.json')]);
  writeFileSync(join(records(), 'a-file'), '');
  writeFileSync(join(records(), '%zz'), '');
  const agent = await started();
  expect(agent.count.damaged).toBe(4);
  agent.store.addPod(podB);
  expect(agent.store.container(podB.uid, 'main')).toMatchObject({ exit: { exitCode: 3 } });
  expect(await agent.ends(podA)).not.toHaveProperty('notKept');
  await agent.recorder.settled();
  expect(readdirSync(join(records(), podA.uid))).toContain('main-0.json');
  await agent.recorder.prune(new Date(Date.now() + 1000));
  expect(agent.said('old final records not removed')).toEqual([]);
});

const away = () => join(state, 'away');
const ballast = () => join(state, 'ballast');

function fill(): void {
  const { bavail, bsize } = statfsSync(state);
  writeFileSync(ballast(), Buffer.alloc(bavail * bsize));
}

function replaceByFile(): void {
  renameSync(records(), away());
  writeFileSync(records(), '');
}

function bringBack(): void {
  rmSync(records(), { recursive: true });
  renameSync(away(), records());
}

const remount = (mode: string) => must(['mount', '-o', `remount,${mode}`, state]);

test.each([
  { why: 'EROFS', breakIt: () => remount('ro'), mendIt: () => remount('rw') },
  { why: 'ENOSPC', breakIt: fill, mendIt: () => rmSync(ballast()) },
  { why: 'ENOTDIR', breakIt: replaceByFile, mendIt: bringBack },
])('$why: answered from memory, which it says, and kept once that is over', async ({ why, breakIt, mendIt }) => {
  await written(podB);
  const agent = await started();
  await breakIt();
  expect(await agent.ends()).toMatchObject({ exitCode: 3, notKept: why });
  await agent.recorder.tidy();
  expect([agent.recorder.unwritten, agent.recorder.isReadable]).toEqual([1, why !== 'ENOTDIR']);
  expect(agent.said('final record not written')).toMatchObject([{ container: 'main', why }]);
  const restarted = await started();
  restarted.store.addPod(podB);
  expect(restarted.store.attempts(podB.uid)).toHaveLength(why === 'ENOTDIR' ? 0 : 1);
  await mendIt();
  await agent.recorder.settled();
  expect(agent.recorder.unwritten).toBe(0);
  expect(await agent.ends()).not.toHaveProperty('notKept');
  expect(JSON.parse(readFileSync(fileOf(podA, 'main-0.json'), 'utf8'))).toMatchObject({ exitCode: 3 });
  await restarted.recorder.tidy();
  expect(restarted.store.attempts(podB.uid)).toHaveLength(1);
});

const temporary = () => fileOf(podA, '.main-0.json.tmp');
const unknown = { ...container(podA, 'main'), state: 'unknown' as const };

test.each(['rw', 'ro'])(
  'written by an agent that was killed before the disk had it, on a disk that is %s',
  async (mode) => {
    const first = await started();
    first.store.put(podA, unknown);
    await first.recorder.final(podA, unknown);
    await first.recorder.settled();
    const before = readFileSync(fileOf(podA, 'main-0.json'), 'utf8');
    expect(JSON.parse(before)).toMatchObject({ exitKnown: false });
    const text = await written(podB);
    const later = text.replaceAll(podB.uid, podA.uid);
    writeFileSync(temporary(), later);
    writeFileSync(fileOf(podA, '.other-0.json.tmp'), half(later));
    writeFileSync(fileOf(podA, '.third-0.json.tmp'), later);
    writeFileSync(fileOf(podA, '.main-0.json.tmp.part'), later);
    await remount(mode);
    const agent = await started();
    agent.store.addPod(podA);
    expect(agent.store.attempts(podA.uid)).toMatchObject([{ name: 'main', exit: { exitCode: 3 } }]);
    await remount('rw');
    await agent.recorder.settled();
    expect((await started()).count.damaged).toBe(0);
    expect(readFileSync(fileOf(podA, 'main-0.json'), 'utf8')).toBe(later);
    expect(readdirSync(join(records(), podA.uid))).toEqual(['main-0.json']);
  },
);

test('removed while the agent runs: all that is known is written again', async () => {
  const agent = await started();
  await agent.ends(podA);
  await agent.ends(podB);
  await agent.recorder.settled();
  rmSync(records(), { recursive: true });
  await agent.recorder.prune(new Date());
  expect(agent.said('old final records not removed')).toHaveLength(1);
  await agent.recorder.tidy();
  expect(agent.said('final records are gone from the disk')).toMatchObject([{ records: 2 }]);
  await agent.recorder.settled();
  for (const pod of [podA, podB])
    expect(JSON.parse(readFileSync(fileOf(pod, 'main-0.json'), 'utf8'))).toMatchObject({ podUid: pod.uid });
});

test('mounted only after the start: what it knows is taken, and not written over', async () => {
  const text = await written();
  renameSync(records(), away());
  const agent = await started();
  agent.store.put(podA, unknown);
  expect(await agent.recorder.final(podA, unknown)).toMatchObject({ exitKnown: false });
  await agent.recorder.settled();
  bringBack();
  await agent.recorder.tidy();
  const shown = agent.store.container(podA.uid, 'main');
  expect(shown).toMatchObject({ state: 'exited', exit: { exitCode: 3 } });
  expect(await agent.recorder.final(podA, shown ?? unknown)).toMatchObject({ exitKnown: true, exitCode: 3 });
  expect(readFileSync(fileOf(podA, 'main-0.json'), 'utf8')).toBe(text);
});
