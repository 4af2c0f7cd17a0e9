import { startEngine } from '../node/docker-engine.ts';
import { docker, withSettings } from './flavours.ts';
import { openSubject, type Subject } from './subject.ts';

/** The docker executor where it reads the engine's log files itself. The engine is there until both are closed. */
export async function openOnLogFiles(): Promise<{ readonly subject: Subject; close(): Promise<void> }> {
  const engine = await startEngine();
  try {
    const { DockerRootDir } = await engine.docker.info();
    const files = ['docker.logs=files', `docker.containersDir=${DockerRootDir}/containers`];
    const subject = await openSubject(withSettings(docker, files));
    return { subject, close: () => subject.close().finally(() => engine.close()) };
  } catch (error) {
    await engine.close();
    throw error;
  }
}
