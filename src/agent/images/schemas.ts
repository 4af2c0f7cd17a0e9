import { z } from 'zod';
import { digestOf } from './blob.ts';

const digest = z.string().transform((text, context) => {
  const found = digestOf(text);
  if (found !== undefined) return found;
  context.addIssue({ code: 'custom', message: 'no sha256 digest' });
  return z.NEVER;
});
const argv = z
  .union([z.string().transform((word) => [word]), z.array(z.string())])
  .nullish()
  .transform((words) => words ?? []);
const text = z
  .string()
  .nullish()
  .transform((value) => value ?? '');

/** An image's configuration, as OCI and Docker write it, as far as it says what is run. */
export const configSchema = z.object({
  architecture: z.string(),
  config: z.object({ Entrypoint: argv, Cmd: argv, WorkingDir: text, User: text }).nullish(),
});

/** Names the configuration of an image. */
export const manifestSchema = z.object({ config: z.object({ digest }) });

/** Names the manifests of an image for several platforms. */
export const indexSchema = z.object({
  manifests: z
    .array(z.object({ digest, platform: z.object({ os: z.string(), architecture: z.string() }).optional() }))
    .max(1000),
});

/** Docker's list of names: for each repository what its tags and digests stand for. */
export const repositoriesSchema = z.object({
  Repositories: z.record(z.string(), z.record(z.string(), digest)).default({}),
});
