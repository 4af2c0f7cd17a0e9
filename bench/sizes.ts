import { parseArgs } from 'node:util';
import { parseBytes } from '../src/wire/quantity.ts';

/** How much of everything is measured. */
export interface Sizes {
  /** Bytes of the file that is saved. */
  readonly fileBytes: number;
  /** Files in the tree that is collected. */
  readonly files: number;
  /** Bytes that a container prints. */
  readonly logBytes: number;
  /** Containers that are ended, for the time until Wait answers. */
  readonly exits: number;
  /** Wait calls that are open at once. */
  readonly waits: number;
  /** Real pods with a Wait call each. */
  readonly pods: number;
  /** Rounds of transfers, and of a client's starts. */
  readonly rounds: number;
  /** Unary calls to each server. */
  readonly calls: number;
}

export interface Options {
  readonly only: readonly string[];
  readonly json: string | undefined;
  /** Whether docs/performance.md gets what was measured. */
  readonly docs: boolean;
  /** Where CPU profiles of the agents go. */
  readonly profile: string | undefined;
  readonly sizes: Sizes;
}

const usage = (names: readonly string[]) => `npm run bench -- [options]

Measures podhand beside its peers, in one run, and prints ratios. Needs root, Debian (or its packages) and about ten
minutes; brings up an engine of its own and leaves nothing behind.

  --only NAME        one of ${names.join(', ')}; may be given more than once
  --json FILE        also write every figure there
  --docs             write the table of docs/performance.md (of the sizes below, as they are)
  --profile DIR      write CPU profiles of the agents there (the figures are worth less then)
  --file-size SIZE   of the file that is saved (1Gi)
  --log-size SIZE    of the log that is read (1Gi)
  --files N          in the tree that is collected (100000)
  --exits N          containers that are ended under waiting calls (100)
  --waits N          waiting calls at once (200)
  --pods N           pods of a real cluster that wait at once (100)
  --rounds N         of transfers and starts (5)
  --calls N          unary calls to each server (20000)
  --help             this text
`;

/** Undefined where help was asked for, which has been printed. Errors: TypeError, Error for what makes no sense. */
export function parseOptions(argv: readonly string[], names: readonly string[]): Options | undefined {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    args: [...argv],
    options: {
      only: { type: 'string', multiple: true },
      json: text,
      docs: { type: 'boolean' },
      profile: text,
      'file-size': text,
      'log-size': text,
      files: text,
      exits: text,
      waits: text,
      pods: text,
      rounds: text,
      calls: text,
      help: { type: 'boolean' },
    },
  });
  if (values.help) {
    process.stdout.write(usage(names));
    return undefined;
  }
  const only = values.only ?? [];
  for (const name of only) if (!names.includes(name)) throw new Error(`no bench "${name}": ${names.join(', ')}`);
  const { only: _, json: __, docs = false, ...otherwise } = values;
  if (docs && Object.keys(otherwise).length > 0)
    throw new Error(`--docs is for the sizes as they are, not with --${Object.keys(otherwise).join(', --')}`);
  return {
    only,
    json: values.json,
    docs,
    profile: values.profile,
    sizes: {
      fileBytes: bytes(values['file-size'] ?? '1Gi'),
      logBytes: bytes(values['log-size'] ?? '1Gi'),
      files: count(values.files ?? '100000'),
      exits: count(values.exits ?? '100'),
      waits: count(values.waits ?? '200'),
      pods: count(values.pods ?? '100'),
      rounds: count(values.rounds ?? '5'),
      calls: count(values.calls ?? '20000'),
    },
  };
}

function bytes(text: string): number {
  const parsed = parseBytes(text);
  if (parsed === undefined || parsed < 1) throw new Error(`not a size: "${text}" (such as 64Mi, 1Gi)`);
  return parsed;
}

function count(text: string): number {
  const parsed = Number(text);
  if (!Number.isInteger(parsed) || parsed < 1) throw new Error(`not a number of at least 1: "${text}"`);
  return parsed;
}
