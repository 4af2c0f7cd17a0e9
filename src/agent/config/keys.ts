import { z } from 'zod';
import { configSchema } from './schema.ts';

type Schema = z.core.$ZodType;

/** The schema behind defaults, transforms and optionals. */
function unwrap(schema: Schema): Schema {
  if (schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault || schema instanceof z.ZodOptional) {
    return unwrap(schema.unwrap());
  }
  return schema instanceof z.ZodPipe ? unwrap(schema.in) : schema;
}

/** The keys that are known at a place of the configuration; empty where it is no mapping of ours. */
export function keysAt(path: readonly PropertyKey[]): string[] {
  const schema = schemaAt(path);
  return schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
}

/** Whether a setting is a list of words, which environment and flags give as `a,b,c`. */
export function isList(path: readonly string[]): boolean {
  return schemaAt(path) instanceof z.ZodArray;
}

function schemaAt(path: readonly PropertyKey[]): Schema | undefined {
  let schema: Schema | undefined = unwrap(configSchema);
  for (const key of path) {
    if (schema instanceof z.ZodObject) schema = schema.shape[String(key)];
    else if (schema instanceof z.ZodArray) schema = schema.element;
    else if (schema instanceof z.ZodRecord) schema = schema.valueType;
    else return undefined;
    if (schema === undefined) return undefined;
    schema = unwrap(schema);
  }
  return schema;
}

/** The path of every setting that one word or one list of words can give. */
export function leafPaths(schema: Schema = configSchema, path: readonly string[] = []): string[][] {
  const inner = unwrap(schema);
  if (inner instanceof z.ZodObject) {
    return Object.entries(inner.shape).flatMap(([key, child]) => leafPaths(child as Schema, [...path, key]));
  }
  if (inner instanceof z.ZodRecord) return [];
  if (inner instanceof z.ZodArray && unwrap(inner.element) instanceof z.ZodObject) return [];
  return [[...path]];
}
