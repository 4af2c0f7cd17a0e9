import { Failure } from './failure.ts';

export interface RunOptions {
  readonly dir?: string;
  readonly container?: string;
  readonly terminationLog?: string;
  /** Keep the command's output in files. */
  readonly capture?: boolean;
}

export type CommandLine =
  | { readonly action: 'help' | 'version' }
  | { readonly action: 'kill'; readonly signal: string; readonly pid: string }
  /** `first` is the index of the command in the whole command line. */
  | { readonly action: 'run'; readonly options: RunOptions; readonly first: number };

/** Options that take a value, by the name of what they set. What workflow controllers add for their logs is ignored. */
const valued: Readonly<Record<string, 'dir' | 'container' | 'terminationLog' | 'ignored'>> = {
  '--dir': 'dir',
  '--container': 'container',
  '--termination-log': 'terminationLog',
  '--loglevel': 'ignored',
  '--log-format': 'ignored',
  '--gloglevel': 'ignored',
};

type Options = { dir?: string; container?: string; terminationLog?: string; capture?: boolean };

/** `argv` is the whole command line, our own name first. Errors: USAGE. */
export function parseCommandLine(argv: readonly string[]): CommandLine {
  if (argv[1] === 'kill') return parseKill(argv.slice(2));
  // The subcommand under which workflow controllers call their own executor.
  let at = argv[1] === 'emissary' ? 2 : 1;
  const options: Options = {};
  while (at < argv.length) {
    const word = argv[at] ?? '';
    if (word === '--help' || word === '-h') return { action: 'help' };
    if (word === '--version') return { action: 'version' };
    if (word === '--') return run(argv, options, at + 1);
    at += takeOption(options, word, argv[at + 1]);
  }
  throw usage('no command given');
}

/** Sets what the word says; gives how many words it took. */
function takeOption(options: Options, word: string, next: string | undefined): number {
  if (word === '--capture' || word === '--include-script-output') {
    options.capture = true;
    return 1;
  }
  const [name, inline] = splitOption(word);
  const sets = valued[name];
  if (sets === undefined) {
    throw usage(word.startsWith('-') ? `unknown option ${word}` : `"--" has to come before ${word}`);
  }
  const value = inline ?? next;
  if (value === undefined || value === '') throw usage(`${name} needs a value`);
  if (sets !== 'ignored') options[sets] = value;
  return inline === undefined ? 2 : 1;
}

function run(argv: readonly string[], options: Options, first: number): CommandLine {
  if (first >= argv.length) throw usage('no command after "--"');
  return { action: 'run', options, first };
}

function parseKill(words: readonly string[]): CommandLine {
  const [signal, pid] = words;
  if (signal === undefined || pid === undefined || words.length !== 2) throw usage('kill takes a signal and a pid');
  return { action: 'kill', signal, pid };
}

function splitOption(word: string): [string, string?] {
  const equals = word.indexOf('=');
  return equals < 0 ? [word] : [word.slice(0, equals), word.slice(equals + 1)];
}

function usage(message: string): Failure {
  return new Failure('USAGE', `${message}; usage: podhand-emissary [OPTIONS] -- COMMAND [ARGS...]`);
}
