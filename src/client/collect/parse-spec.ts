import { parseDocument } from 'yaml';
import { z } from 'zod';
import { PodhandError } from '../../wire/errors.ts';
import { nearest } from '../../wire/nearest.ts';
import { type CollectSpec, specSchema } from './spec.ts';

/** A spec is small; more is a mistake, or an attack by aliases. */
const maxSpecBytes = 1024 * 1024;

/**
 * The spec in a YAML text. Errors: INVALID_REQUEST with every problem at once, an unknown key with the nearest one
 * that is known.
 */
export function parseSpec(text: string): CollectSpec {
  if (text.length > maxSpecBytes) throw invalid(['it is longer than 1 MiB']);
  const document = parseDocument(text);
  if (document.errors.length > 0) throw invalid(document.errors.map(({ message }) => message.split('\n', 1)[0] ?? ''));
  const parsed = specSchema.safeParse(document.toJS({ maxAliasCount: 100 }) ?? {});
  if (parsed.success) return parsed.data;
  throw invalid(parsed.error.issues.flatMap(problems));
}

function problems(issue: z.core.$ZodIssue): string[] {
  const place = placeText(issue.path);
  if (issue.code !== 'unrecognized_keys') return [place === '' ? issue.message : `${place}: ${issue.message}`];
  return issue.keys.map((key) => {
    const known = keysAt(issue.path);
    const guess = nearest(key, known);
    const hint = guess === undefined ? `known are ${known.join(', ')}` : `did you mean "${guess}"?`;
    return `${place === '' ? '' : `${place}: `}unknown key "${key}", ${hint}`;
  });
}

/** `artifacts[0].path`. */
function placeText(path: readonly PropertyKey[]): string {
  const words = path.map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`));
  return words.join('').replace(/^\./, '');
}

function keysAt(path: readonly PropertyKey[]): string[] {
  let schema: z.core.$ZodType | undefined = specSchema;
  for (const part of path) {
    const inner: z.core.$ZodType | undefined = schema && unwrapped(schema);
    if (inner instanceof z.ZodArray) schema = inner.element;
    else schema = inner instanceof z.ZodObject ? inner.shape[String(part)] : undefined;
  }
  const last = schema && unwrapped(schema);
  return last instanceof z.ZodObject ? Object.keys(last.shape) : [];
}

function unwrapped(schema: z.core.$ZodType): z.core.$ZodType {
  return schema instanceof z.ZodDefault || schema instanceof z.ZodOptional ? unwrapped(schema.unwrap()) : schema;
}

function invalid(found: readonly string[]): PodhandError {
  return new PodhandError('INVALID_REQUEST', `the spec is not right: ${found.join('; ')}`);
}
