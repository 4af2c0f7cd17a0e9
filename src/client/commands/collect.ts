import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Session } from '../cli/session.ts';
import { collectOutputs } from '../collect/job.ts';
import { exitCodeOf } from '../collect/outputs.ts';
import { parseSpec } from '../collect/parse-spec.ts';
import { document } from '../output/document.ts';
import type { Plain } from '../output/plain.ts';

export interface CollectOptions {
  readonly filename: string;
  readonly outputDir: string;
  readonly check?: boolean;
}

/** `podhand collect`: the whole job of a wait sidecar. The first SIGTERM means: stop waiting, save now. */
export async function collect(session: Session, options: CollectOptions): Promise<number> {
  const spec = parseSpec(readFileSync(options.filename === '-' ? 0 : options.filename, 'utf8'));
  if (options.check === true) {
    session.note(`${options.filename}: right`);
    return 0;
  }
  const stop = new AbortController();
  session.interruption.onTerm(() => {
    session.note('SIGTERM: saving what is there');
    stop.abort();
  });
  const outputs = await collectOutputs(
    {
      client: session.client,
      call: session.call,
      stop: stop.signal,
      directory: resolve(options.outputDir),
      note: (line) => session.note(line),
    },
    spec,
  );
  if (session.format !== 'table') await session.write(await document(outputs as unknown as Plain, session.format));
  return exitCodeOf(outputs);
}
