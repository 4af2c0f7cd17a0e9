import { Failure } from './failure.ts';

/** What the emissary uses of a workflow's template; everything else in it is left alone. */
export interface Template {
  /** Mount paths of the volumes, whose files others can read for themselves. */
  readonly mounts: readonly string[];
  readonly inputPaths: readonly string[];
  readonly parameterPaths: readonly string[];
  readonly artifactPaths: readonly string[];
  readonly archiveLogs: boolean;
  readonly containers: ReadonlyMap<string, readonly string[]>;
  readonly retries: number;
  /** Between two attempts. */
  readonly retryDelayMs: number;
}

type Json = string | number | boolean | null | undefined | readonly Json[] | { readonly [key: string]: Json };

/** Reads a template's JSON; an empty text is an empty template. Errors: TEMPLATE_INVALID. */
export function parseTemplate(text: string): Template {
  const root = text.trim() === '' ? {} : parse(text);
  const set = field(root, 'containerSet');
  const strategy = field(set, 'retryStrategy');
  const [inputs, outputs] = [field(root, 'inputs'), field(root, 'outputs')];
  return {
    mounts: ['container', 'script', 'containerSet'].flatMap((kind) =>
      list(field(field(root, kind), 'volumeMounts')).flatMap((mount) => strings(field(mount, 'mountPath'))),
    ),
    inputPaths: list(field(inputs, 'artifacts')).flatMap((artifact) => strings(field(artifact, 'path'))),
    parameterPaths: list(field(outputs, 'parameters')).flatMap((parameter) =>
      strings(field(field(parameter, 'valueFrom'), 'path')),
    ),
    artifactPaths: list(field(outputs, 'artifacts')).flatMap((artifact) => strings(field(artifact, 'path'))),
    archiveLogs: field(field(root, 'archiveLocation'), 'archiveLogs') === true,
    containers: new Map(
      list(field(set, 'containers')).flatMap((container) => {
        const [name] = strings(field(container, 'name'));
        return name === undefined ? [] : [[name, list(field(container, 'dependencies')).flatMap(strings)] as const];
      }),
    ),
    retries: retries(field(strategy, 'retries')),
    retryDelayMs: duration(field(strategy, 'duration')),
  };
}

function parse(text: string): Json {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Failure('TEMPLATE_INVALID', `the template is no JSON: ${error instanceof Error ? error.message : ''}`);
  }
}

function field(value: Json, key: string): Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as { readonly [key: string]: Json })[key]
    : undefined;
}

function list(value: Json): readonly Json[] {
  return Array.isArray(value) ? value : [];
}

function strings(value: Json): string[] {
  return typeof value === 'string' && value !== '' ? [value] : [];
}

function retries(value: Json): number {
  if (value === undefined || value === null) return 0;
  const number = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value;
  if (typeof number === 'number' && Number.isSafeInteger(number) && number >= 0) return number;
  throw new Failure('TEMPLATE_INVALID', `retryStrategy.retries is ${JSON.stringify(value)}, not a whole number`);
}

const units: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** `1m30s`, as Go writes it. */
function duration(value: Json): number {
  if (value === undefined || value === null || value === '' || value === '0') return 0;
  const text = String(value);
  if (!/^(\d+(\.\d+)?(ms|s|m|h))+$/.test(text)) {
    throw new Failure('TEMPLATE_INVALID', `retryStrategy.duration is "${text}", not such as 10s or 1m30s`);
  }
  let total = 0;
  for (const [, number, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g))
    total += Number(number) * (units[unit ?? ''] ?? 0);
  return Math.round(total);
}
