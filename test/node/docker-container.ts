import { PassThrough } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { finished } from 'node:stream/promises';
import type Docker from 'dockerode';
import type { TestContainer } from './pods.ts';

export class DockerContainer implements TestContainer {
  readonly id: string;
  readonly name: string;
  readonly restartCount: number;
  readonly #docker: Docker;

  constructor(docker: Docker, id: string, name: string, restartCount: number) {
    this.#docker = docker;
    this.id = id;
    this.name = name;
    this.restartCount = restartCount;
  }

  get #container(): Docker.Container {
    return this.#docker.getContainer(this.id);
  }

  async pid(): Promise<number> {
    const { State } = await this.#container.inspect();
    if (State.Pid === 0) throw new Error(`container ${this.name} is ${State.Status}: no process`);
    return State.Pid;
  }

  async start(): Promise<void> {
    // Who starts it again may have been told of its end before the engine was, which takes it for running (304) until then.
    if ((await this.#container.inspect()).State.Status !== 'created')
      await this.#container.wait({ condition: 'not-running' });
    await this.#container.start();
  }

  async exited(): Promise<{ exitCode: number }> {
    const { State } = await this.#container.inspect();
    const condition = State.Status === 'created' ? 'next-exit' : 'not-running';
    const { StatusCode } = await this.#container.wait({ condition });
    return { exitCode: StatusCode };
  }

  async signal(signal: NodeJS.Signals): Promise<void> {
    await this.#container.kill({ signal }).catch(ignoring(409));
  }

  async logPath(): Promise<string> {
    const { LogPath } = await this.#container.inspect();
    return LogPath;
  }

  async exec(command: readonly string[]): Promise<{ exitCode: number; stdout: Buffer; stderr: Buffer }> {
    const exec = await this.#container.exec({ Cmd: [...command], User: '0', AttachStdout: true, AttachStderr: true });
    const stream = await exec.start({});
    const stdout = new PassThrough();
    const stderr = new PassThrough();
    this.#docker.modem.demuxStream(stream, stdout, stderr);
    const collected = Promise.all([buffer(stdout), buffer(stderr)]);
    await finished(stream, { writable: false });
    stdout.end();
    stderr.end();
    const [out, err] = await collected;
    return { exitCode: (await exec.inspect()).ExitCode ?? -1, stdout: out, stderr: err };
  }

  async remove(force = false): Promise<void> {
    await this.#container.remove({ force, v: true }).catch(ignoring(404, 409));
  }
}

/** Swallows answers of the engine: 409 is "not running" or "being removed already", 404 "no such container". */
export function ignoring(...statusCodes: number[]): (error: { statusCode?: number }) => void {
  return (error) => {
    if (!statusCodes.includes(error.statusCode ?? 0)) throw error;
  };
}
