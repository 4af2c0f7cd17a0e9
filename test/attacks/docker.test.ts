import { afterAll, beforeAll, describe } from 'vitest';
import { openOnLogFiles } from '../conformance/docker-log-files.ts';
import { docker } from '../conformance/flavours.ts';
import { replacedLog } from './replaced-log.ts';
import { attacks } from './suite.ts';

attacks('docker executor on a real engine', docker);

describe('docker executor, logs from the files of the engine', () => {
  let opened: Awaited<ReturnType<typeof openOnLogFiles>>;
  beforeAll(async () => {
    opened = await openOnLogFiles();
  });
  afterAll(async () => await opened?.close());
  replacedLog(docker, 'docker-json', () => opened.subject);
});
