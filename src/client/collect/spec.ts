import { z } from 'zod';
import { parseDuration } from '../../wire/quantity.ts';
import { formatNames } from '../cli/archive-formats.ts';

/** 256 KiB, as Argo keeps of a result. */
const defaultValueBytes = 262_144;
/** What becomes part of outputs.json is held in memory. */
const largestValueBytes = 16 * 1024 * 1024;

/** What a timer can hold. */
const longestMs = 24 * 86_400_000;

const name = z.string().min(1, 'a name is wanted');
const duration = z.string().transform((text, context) => {
  const ms = parseDuration(text);
  if (ms === undefined) context.addIssue('a duration looks like 10s, 1m30s or 1h');
  else if (ms > longestMs) context.addIssue('a duration is at most 24d');
  return ms ?? 0;
});
const containerPath = z
  .string()
  .refine((path) => path.startsWith('/') && !path.split('/').includes('..'), 'an absolute path without ".." is wanted');
const valueBytes = z.int().min(1).max(largestValueBytes).default(defaultValueBytes);
const destination = z.string().min(1, 'a path is wanted');

/** `stream`: stdout if absent, or both where the executor cannot tell them apart. */
const resultSchema = z.strictObject({
  container: name,
  stream: z.enum(['stdout', 'both']).optional(),
  maxBytes: valueBytes,
});

const parameterSchema = z.strictObject({
  name,
  container: name,
  path: containerPath,
  default: z.string().optional(),
  maxBytes: valueBytes,
});

const artifactSchema = z.strictObject({
  name,
  container: name,
  path: containerPath,
  format: z.enum(formatNames).default('tgz'),
  destination: destination.optional(),
  optional: z.boolean().default(false),
  when: z.enum(['always', 'success']).default('always'),
  maxBytes: z.int().min(1).optional(),
});

const logSchema = z.strictObject({ container: name, destination: destination.optional() });

/** What `podhand collect` is to do. Durations are milliseconds, sizes bytes; relative destinations are below the output directory. */
export const specSchema = z
  .strictObject({
    containers: z.array(name).default([]),
    sidecars: z.array(name).default([]),
    gracePeriod: duration.prefault('30s'),
    result: resultSchema.optional(),
    parameters: z.array(parameterSchema).default([]),
    artifacts: z.array(artifactSchema).default([]),
    logs: z.array(logSchema).default([]),
    output: destination.default('outputs.json'),
    deadline: duration.optional(),
  })
  .superRefine((spec, context) => {
    const both = spec.containers.filter((container) => spec.sidecars.includes(container));
    for (const container of both) {
      context.addIssue({ code: 'custom', path: ['sidecars'], message: `"${container}" is also in containers` });
    }
    for (const list of ['parameters', 'artifacts'] as const) {
      for (const twice of repeated(spec[list].map((item) => item.name))) {
        context.addIssue({ code: 'custom', path: [list], message: `the name "${twice}" is there twice` });
      }
    }
    const destinations = [...spec.artifacts, ...spec.logs].flatMap((item) => item.destination ?? []);
    for (const twice of repeated([...destinations, spec.output])) {
      context.addIssue({ code: 'custom', path: [], message: `two things have the destination "${twice}"` });
    }
  });

export type CollectSpec = z.output<typeof specSchema>;
export type ParameterSpec = CollectSpec['parameters'][number];
export type ArtifactSpec = CollectSpec['artifacts'][number];
export type LogSpec = CollectSpec['logs'][number];

function repeated(names: readonly string[]): string[] {
  return [...new Set(names.filter((one, index) => names.indexOf(one) !== index))];
}
