import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { must } from '../node/processes.ts';

/** What stands for the pod's emptyDir, which a kubelet makes with mode 0777; optionally a tmpfs of a few KiB. */
export class SharedVolume implements AsyncDisposable {
  readonly path = mkdtempSync(join(tmpdir(), 'podhand-emissary-'));
  #mounted = false;

  constructor() {
    chmodSync(this.path, 0o777);
  }

  static async ofSize(bytes: number): Promise<SharedVolume> {
    const volume = new SharedVolume();
    await must(['mount', '-t', 'tmpfs', '-o', `size=${bytes},mode=777`, 'podhand-test', volume.path]);
    volume.#mounted = true;
    return volume;
  }

  async makeReadOnly(): Promise<void> {
    await must(['mount', '--bind', '-o', 'ro', this.path, this.path]);
    this.#mounted = true;
    await must(['mount', '-o', 'remount,bind,ro', this.path]);
  }

  at(name: string): string {
    return join(this.path, name);
  }

  has(name: string): boolean {
    return existsSync(this.at(name));
  }

  read(name: string): string {
    return readFileSync(this.at(name), 'utf8');
  }

  write(name: string, content: string): void {
    mkdirSync(dirname(this.at(name)), { recursive: true });
    writeFileSync(this.at(name), content);
  }

  template(template: object): void {
    this.write('template', JSON.stringify(template));
  }

  record(container = 'main'): Record<string, unknown> {
    return JSON.parse(this.read(`ctr/${container}/record`)) as Record<string, unknown>;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#mounted) await must(['umount', this.path]);
    rmSync(this.path, { recursive: true, force: true });
  }
}
