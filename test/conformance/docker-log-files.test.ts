import { afterAll, beforeAll, describe } from 'vitest';
import { openOnLogFiles } from './docker-log-files.ts';
import { docker } from './flavours.ts';
import { logsConformance } from './logs.ts';

describe('docker executor, logs from the files of the engine', () => {
  let opened: Awaited<ReturnType<typeof openOnLogFiles>>;
  beforeAll(async () => {
    opened = await openOnLogFiles();
  });
  afterAll(async () => await opened?.close());
  logsConformance(docker, () => opened.subject);
});
