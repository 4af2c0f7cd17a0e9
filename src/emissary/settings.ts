import type { RunOptions } from './command-line.ts';
import { defaultDirectory } from './container-files.ts';
import { SystemError } from './errno.ts';
import { defaultTerminationLog } from './explain.ts';
import { Failure } from './failure.ts';
import type { Files, System } from './system.ts';
import { parseTemplate, type Template } from './template.ts';

export interface Settings {
  readonly directory: string;
  /** Absent: no files, supervision only. */
  readonly container: string | undefined;
  readonly terminationLog: string;
  readonly capture: boolean;
  readonly pauseBefore: boolean;
  readonly pauseAfter: boolean;
}

/** Options first, then the variables that workflow controllers set. */
export function readSettings(options: RunOptions, environment: System['environment']): Settings {
  const isTrue = (name: string) => environment(name) === 'true';
  const container = options.container ?? environment('ARGO_CONTAINER_NAME');
  return {
    directory: options.dir ?? defaultDirectory,
    container: container || (options.dir === undefined ? undefined : 'main'),
    terminationLog: options.terminationLog ?? defaultTerminationLog,
    capture: options.capture === true || isTrue('ARGO_INCLUDE_SCRIPT_OUTPUT'),
    pauseBefore: isTrue('ARGO_DEBUG_PAUSE_BEFORE'),
    pauseAfter: isTrue('ARGO_DEBUG_PAUSE_AFTER'),
  };
}

/** Far more than any object of Kubernetes. */
const limit = 64 * 1024 * 1024;
const offloaded = '/argo/config/ARGO_TEMPLATE';

/** The volume's `template`, else ARGO_TEMPLATE; without either nothing is to be saved or waited for. */
export function readTemplate(files: Files, directory: string, environment: System['environment']): Template {
  const inVolume = readable(files, `${directory}/template`);
  if (inVolume !== undefined) return parseTemplate(inVolume);
  const given = environment('ARGO_TEMPLATE') ?? '';
  return parseTemplate(given === 'offloaded' ? (readable(files, offloaded) ?? '') : given);
}

/** Arguments that are too long for a command line, as a JSON array in a file. */
export function readMoreArguments(files: Files, environment: System['environment']): string[] {
  const path = environment('ARGO_CONTAINER_ARGS_FILE');
  if (!path) return [];
  const text = readable(files, path);
  const words: unknown = text === undefined ? undefined : parsed(text);
  if (!Array.isArray(words) || !words.every((word) => typeof word === 'string')) {
    throw new Failure('TEMPLATE_INVALID', `ARGO_CONTAINER_ARGS_FILE ${path} is no JSON array of strings`);
  }
  return words;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function readable(files: Files, path: string): string | undefined {
  try {
    return files.readText(path, limit);
  } catch (error) {
    if (error instanceof SystemError) throw new Failure('TEMPLATE_INVALID', error.message);
    throw error;
  }
}
