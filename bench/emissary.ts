import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ensureEmissary } from '../scripts/emissary/build.ts';
import { architectures } from '../scripts/emissary/toolchain.ts';
import { installBinary } from '../src/client/init/install-binary.ts';
import { ensureFiles } from '../test/node/debian.ts';
import { ExitClock } from './exit-clock.ts';
import { interleaved, timed } from './figures.ts';
import type { Report } from './report.ts';
import type { Sizes } from './sizes.ts';

const tini = '/usr/bin/tini';
const starts = 100;
const startsAtOnce = 20;

/** The emissary beside tini, which is what starts a container's command where nothing else does, and beside tee. */
export async function benchEmissary(report: Report, { logBytes, rounds }: Sizes): Promise<void> {
  await ensureFiles([tini], ['tini']);
  const machine = architectures.find((name) => name === (process.arch === 'x64' ? 'amd64' : process.arch));
  if (machine === undefined) throw new Error(`the emissary is not built for ${process.arch}`);
  const emissary = await ensureEmissary(machine);
  for (const architecture of architectures) {
    const { size } = statSync(await ensureEmissary(architecture));
    report.note(`size, ${architecture}: ${size} bytes, ${(size / 2 ** 20).toFixed(2)} MiB (goal at most 1 MiB)`);
  }
  const volume = mkdtempSync(join(tmpdir(), 'podhand-bench-'));
  try {
    const pair = { emissary: [emissary, '--'], tini: [tini, '-s', '--'] };
    await benchStart(report, pair);
    await benchExit(report, pair);
    await benchMemory(report, pair);
    await benchInstallation(report, emissary, volume);
    await benchCapture(report, emissary, volume, { logBytes, rounds });
  } finally {
    rmSync(volume, { recursive: true, force: true });
  }
}

type Pair = Readonly<Record<'emissary' | 'tini', readonly string[]>>;

async function benchStart(report: Report, { emissary, tini }: Pair): Promise<void> {
  // By a shell: a fork of this process takes longer than what is measured.
  const loop = `i=0; while [ $i -lt ${startsAtOnce} ]; do "$@" || exit; i=$((i+1)); done`;
  const start = (argv: readonly string[]) => async () =>
    (await timed(() => ended(['/bin/sh', '-c', loop, 'sh', ...argv, '/bin/true']))) / startsAtOnce;
  const measured = await interleaved(starts, { emissary: start(emissary), tini: start(tini), bare: start([]) });
  const row = { what: 'a command that does nothing, start to end', unit: 'ms', podhand: measured.emissary };
  report.add({ ...row, peer: 'under tini', against: measured.tini });
  report.add({ ...row, peer: 'alone', against: measured.bare });
}

/** From the end of the command, as the kernel tells it, to that of its supervisor, which is the container's. */
async function benchExit(report: Report, { emissary, tini }: Pair): Promise<void> {
  const [command, supervisor] = [new ExitClock(), new ExitClock()];
  const once = (argv: readonly string[]) => async () => {
    const { child, pid } = await running(argv);
    const [first, last] = [await command.watch(pid), await supervisor.watch(child.pid ?? 0)];
    child.stdin.end();
    return Number((await last.exited) - (await first.exited)) / 1e6;
  };
  const measured = await interleaved(starts, { emissary: once(emissary), tini: once(tini) });
  await Promise.all([command.close(), supervisor.close()]);
  const what = "the command's exit to the supervisor's";
  report.add({ what, peer: 'tini', unit: 'ms', podhand: measured.emissary, against: measured.tini });
}

async function benchMemory(report: Report, { emissary, tini }: Pair): Promise<void> {
  const memory = async (argv: readonly string[]) => {
    const { child } = await running(argv);
    const rollup = readFileSync(`/proc/${child.pid}/smaps_rollup`, 'latin1');
    child.stdin.end();
    await once(child, 'close');
    return Number(/^Pss:\s+(\d+)/m.exec(rollup)?.[1]) / 1024;
  };
  const measured = await interleaved(5, { emissary: () => memory(emissary), tini: () => memory(tini) });
  const what = 'memory while the command runs (PSS)';
  report.add({ what, peer: 'tini', unit: 'MiB', podhand: measured.emissary, against: measured.tini });
}

/** Checked and atomic, as `podhand init` does it, without the start of that program. */
async function benchInstallation(report: Report, emissary: string, volume: string): Promise<void> {
  // As `npm run build:emissary` leaves it: with its sum beside it.
  const binary = join(volume, 'built');
  copyFileSync(emissary, binary);
  writeFileSync(`${binary}.sha256`, createHash('sha256').update(readFileSync(emissary)).digest('hex'));
  const measured = await interleaved(starts, {
    podhand: () => timed(async () => void installBinary(binary, join(volume, `podhand-${performance.now()}`))),
    cp: () => timed(() => ended(['/bin/cp', emissary, join(volume, `cp-${performance.now()}`)])),
  });
  const row = { what: 'the binary put into a volume', unit: 'ms', podhand: measured.podhand, against: measured.cp };
  report.add({ ...row, peer: 'cp', goals: [{ of: 'p99', atMost: 10 }] });
}

/** A command that prints into a file, and through to a reader that takes all: what `tee FILE` does behind a pipe. */
async function benchCapture(
  report: Report,
  emissary: string,
  volume: string,
  { logBytes, rounds }: Pick<Sizes, 'logBytes' | 'rounds'>,
): Promise<void> {
  const prints = `yes 0123456789012345678901234567890123456789012345678 | head -c ${logBytes}`;
  const capture = [emissary, '--dir', volume, '--container', 'main', '--capture', '--', '/bin/sh', '-c', prints];
  const read = (script: string, ...args: string[]) => ['/bin/sh', '-c', `${script} | cat > /dev/null`, 'sh', ...args];
  const kept = async (file: string, argv: readonly string[]) => {
    const ms = await timed(() => ended(argv));
    const { size } = statSync(file);
    if (size !== logBytes) throw new Error(`${file} has ${size} bytes, not ${logBytes}`);
    return ms;
  };
  const [own, tee] = [join(volume, 'ctr/main/stdout'), join(volume, 'tee')];
  const measured = await interleaved(rounds, {
    emissary: () => kept(own, read('"$@"', ...capture)),
    tee: () => kept(tee, read(`(${prints}) | tee ${tee}`)),
  });
  const what = `${logBytes / 2 ** 20} MiB of output, kept in files and passed on`;
  report.add({ what, peer: 'tee', unit: 'ms', podhand: measured.emissary, against: measured.tee });
}

/** A supervisor over `cat`, once that runs. */
async function running(argv: readonly string[]) {
  const [program = '', ...args] = [...argv, '/bin/cat'];
  const child = spawn(program, args, { stdio: ['pipe', 'ignore', 'inherit'] });
  const children = `/proc/${child.pid}/task/${child.pid}/children`;
  for (;;) {
    const pid = Number(readFileSync(children, 'latin1').trim());
    if (pid > 0 && readFileSync(`/proc/${pid}/comm`, 'latin1') === 'cat\n') return { child, pid };
    await sleep(1);
  }
}

async function ended(argv: readonly string[]): Promise<void> {
  const [program = '', ...args] = argv;
  const [code] = await once(spawn(program, args, { stdio: ['ignore', 'ignore', 'inherit'] }), 'close');
  if (code !== 0) throw new Error(`${argv.join(' ')} ended with ${code}`);
}
