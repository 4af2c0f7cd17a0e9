import { afterAll, beforeAll, describe } from 'vitest';
import { startEngine } from '../node/docker-engine.ts';
import { docker, withSettings } from './flavours.ts';
import { logsConformance } from './logs.ts';
import { openSubject, type Subject } from './subject.ts';

describe('docker executor, logs from the files of the engine', () => {
  let subject: Subject;
  beforeAll(async () => {
    const engine = await startEngine();
    const { DockerRootDir } = await engine.docker.info();
    const files = ['docker.logs=files', `docker.containersDir=${DockerRootDir}/containers`];
    subject = await openSubject(withSettings(docker, files));
    await engine.close();
  });
  afterAll(async () => await subject?.close());
  logsConformance(docker, () => subject);
});
