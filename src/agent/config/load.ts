import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { parseDocument } from 'yaml';
import { isList, keysAt, leafPaths } from './keys.ts';
import { podSourceProblems, withAddresses } from './kubernetes.ts';
import { ConfigError, nearest, type Problem, problemsOf } from './problems.ts';
import { type AgentConfig, configSchema } from './schema.ts';

/** Where the configuration comes from; later ones win: file, environment, flags. */
export interface ConfigSources {
  /** YAML text of the file, if there is one. */
  readonly file?: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** `key.path=value` of each `--set`. */
  readonly set: readonly string[];
}

/**
 * The configuration as one frozen value. Throws a ConfigError that lists every problem of every source.
 * An environment variable is `PODHAND_` and the key's path in upper case: `PODHAND_LIMITS_FILE_BYTES`.
 */
export function parseConfig(sources: ConfigSources): AgentConfig {
  const problems: Problem[] = [];
  const raw = parseFile(sources.file, problems);
  applyEnvironment(raw, sources.environment, problems);
  applyFlags(raw, sources.set, problems);
  const parsed = configSchema.safeParse(raw);
  if (!parsed.success) problems.push(...problemsOf(parsed.error.issues, keysAt));
  const config = parsed.success ? withAddresses(parsed.data, sources.environment) : undefined;
  if (config !== undefined) problems.push(...podSourceProblems(config), ...socketProblems(config));
  if (problems.length > 0 || config === undefined) throw new ConfigError(problems);
  return deepFreeze({ ...config, nodeName: config.nodeName || hostname() });
}

/** Reads and parses; a file that cannot be read is a problem like any other. */
export function loadConfig(options: {
  path?: string;
  set: readonly string[];
  environment: ConfigSources['environment'];
}): AgentConfig {
  const path = options.path ?? options.environment.PODHAND_CONFIG;
  if (path === undefined) return parseConfig(options);
  let file: string;
  try {
    file = readFileSync(path, 'utf8');
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? 'unreadable';
    throw new ConfigError([{ where: '--config', what: `cannot read ${path} (${code})` }]);
  }
  return parseConfig({ ...options, file });
}

type Raw = Record<string, unknown>;

function parseFile(text: string | undefined, problems: Problem[]): Raw {
  if (text === undefined) return {};
  const document = parseDocument(text, { uniqueKeys: true });
  problems.push(
    ...document.errors.map((error) => ({ where: 'file', what: error.message.split('\n')[0] ?? 'not YAML' })),
  );
  if (document.errors.length > 0) return {};
  let value: unknown;
  try {
    value = document.toJS();
  } catch (error) {
    // An alias without its anchor, or so many of them that a short text would become a huge value.
    problems.push({ where: 'file', what: error instanceof Error ? error.message : 'not YAML' });
    return {};
  }
  if (value === null || value === undefined) return {};
  if (typeof value === 'object' && !Array.isArray(value)) return value as Raw;
  problems.push({ where: 'file', what: 'must be a YAML mapping of keys' });
  return {};
}

function applyEnvironment(raw: Raw, environment: ConfigSources['environment'], problems: Problem[]): void {
  const known = new Map(leafPaths().map((path) => [variableOf(path), path]));
  for (const [name, value] of Object.entries(environment)) {
    if (!name.startsWith('PODHAND_') || value === undefined || name === 'PODHAND_CONFIG') continue;
    const path = known.get(name);
    if (path !== undefined) setPath(raw, path, value);
    else if (!reserved.has(name)) problems.push({ where: name, what: unknown(name, [...known.keys()]) });
  }
}

/** Variables of the client and of the test set-up, which share the prefix. */
const reserved = new Set(['PODHAND_SOCKET', 'PODHAND_CACHE', 'PODHAND_FUZZ_RUNS']);

function applyFlags(raw: Raw, set: readonly string[], problems: Problem[]): void {
  const known = new Map(leafPaths().map((path) => [path.join('.'), path]));
  for (const assignment of set) {
    const at = assignment.indexOf('=');
    const name = at < 0 ? assignment : assignment.slice(0, at);
    const path = known.get(name);
    if (at < 0) problems.push({ where: `--set ${assignment}`, what: 'must be KEY=VALUE' });
    else if (path === undefined) problems.push({ where: `--set ${name}`, what: unknown(name, [...known.keys()]) });
    else setPath(raw, path, assignment.slice(at + 1));
  }
}

function unknown(name: string, known: readonly string[]): string {
  const guess = nearest(name, known);
  return guess === undefined
    ? `not a setting; docs/configuration.md lists them`
    : `not a setting; did you mean "${guess}"?`;
}

function variableOf(path: readonly string[]): string {
  return `PODHAND_${path.map((key) => key.replace(/([a-z])([A-Z])/g, '$1_$2').toUpperCase()).join('_')}`;
}

function setPath(raw: Raw, path: readonly string[], text: string): void {
  const [last = '', ...parents] = [...path].reverse();
  let node = raw;
  for (const key of parents.reverse()) {
    const child = node[key];
    if (typeof child !== 'object' || child === null) node[key] = {};
    node = node[key] as Raw;
  }
  // Lists are given as a,b,c.
  node[last] = isList(path) ? text.split(',').filter((part) => part !== '') : text;
}

function socketProblems({ sockets }: AgentConfig): Problem[] {
  if (sockets.volumes.length > 0 || sockets.hostPath) return [];
  return [{ where: 'sockets', what: 'without volumes and without hostPath no pod would have a socket' }];
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    for (const child of Object.values(value)) deepFreeze(child);
    Object.freeze(value);
  }
  return value;
}
