// npm run bench: podhand beside its peers, in one run, as ratios. `--help` says what it takes.
import { writeFileSync } from 'node:fs';
import { availableParallelism, release } from 'node:os';
import { benchCompress } from './compress.ts';
import { writeDocument } from './document.ts';
import { benchEmissary } from './emissary.ts';
import { benchFairness } from './fairness.ts';
import { benchLogs } from './logs.ts';
import { benchManyPods } from './many-pods.ts';
import { benchManyWaits } from './many-waits.ts';
import { Report } from './report.ts';
import { benchSave } from './save.ts';
import { parseOptions, type Sizes } from './sizes.ts';
import { Stand } from './stand.ts';
import { benchStartUp } from './start-up.ts';
import { benchTar } from './tar.ts';
import { benchUnary } from './unary.ts';
import { benchWait } from './wait.ts';

const benches: Readonly<Record<string, (stand: Stand, report: Report, sizes: Sizes) => Promise<void>>> = {
  wait: benchWait,
  'many-waits': benchManyWaits,
  'many-pods': benchManyPods,
  unary: benchUnary,
  fairness: benchFairness,
  save: benchSave,
  tar: benchTar,
  compress: benchCompress,
  logs: benchLogs,
  'start-up': benchStartUp,
  emissary: (_stand, report, sizes) => benchEmissary(report, sizes),
};

const options = parseOptions(process.argv.slice(2), Object.keys(benches));
if (options !== undefined) {
  const machine = { cores: availableParallelism(), kernel: release(), node: process.version };
  const report = new Report((line) => void process.stdout.write(`${line}\n`));
  const shown = `${machine.cores} cores, Linux ${machine.kernel}, Node ${machine.node}`;
  report.title(shown);
  const stand = await Stand.open(
    options.profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${options.profile}`],
  );
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      report.note(`${signal}: cleaning up`);
      // What the measuring meets meanwhile is no news.
      process.on('unhandledRejection', () => undefined);
      void stand.close().finally(() => process.exit(1));
    });
  }
  try {
    for (const [name, bench] of Object.entries(benches)) {
      if (options.only.length > 0 && !options.only.includes(name)) continue;
      const start = performance.now();
      report.title(name);
      await bench(stand, report, options.sizes);
      report.note(`(${((performance.now() - start) / 1000).toFixed(0)} s)`);
    }
  } finally {
    await stand.close();
  }
  report.summary();
  if (options.docs) writeDocument(report.rows, shown);
  if (options.json !== undefined) {
    const { sizes } = options;
    const document = { date: new Date().toISOString(), machine, sizes, rows: report.rows };
    writeFileSync(options.json, `${JSON.stringify(document, undefined, 2)}\n`);
  }
}
