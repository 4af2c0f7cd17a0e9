import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';

const files = 200;
const numbers = 150_000;

/** What a pod makes and saves; every pod has something else, so that nothing of one can pass for another's. */
export class Products {
  readonly #number: number;
  readonly #content: Buffer;
  readonly #sum: string;
  /** By path: what was looked at already, and has not changed since. */
  readonly #seen = new Map<string, string>();

  constructor(number: number) {
    this.#number = number;
    this.#content = Buffer.from(Array.from({ length: numbers }, (_, at) => `${number + at}\n`).join(''));
    this.#sum = sum(this.#content);
  }

  /** For busybox. */
  get script(): string {
    const first = this.#number;
    return [
      'mkdir -p /out/tree',
      `seq ${first} ${first + numbers - 1} > /out/blob`,
      `i=1; while [ $i -le ${files} ]; do echo ${first} $i > /out/tree/$i; i=$((i+1)); done`,
    ].join('; ');
  }

  /** The `artifacts` of a spec. */
  specs(container: string): object[] {
    const common = { container, when: 'always' };
    return [
      { ...common, name: 'blob', path: '/out/blob', format: 'raw' },
      { ...common, name: 'tree', path: '/out/tree', format: 'raw' },
      { ...common, name: 'packed', path: '/out/blob', format: 'tgz' },
    ];
  }

  /** What is wrong in the directory of the artifacts now: each of them has to be absent or whole. */
  look(directory: string): string[] {
    return [
      this.#check(join(directory, 'blob'), (path) => sum(readFileSync(path)) === this.#sum),
      this.#check(join(directory, 'tree'), (path) => this.#isTree(path)),
      this.#check(join(directory, 'packed.tgz'), (path) => gunzipSync(readFileSync(path)).includes(this.#content)),
      this.#check(join(directory, '../outputs.json'), (path) => JSON.parse(readFileSync(path, 'utf8')).version === 1),
    ].flat();
  }

  /** The same, and that all is there and nothing else. */
  lookAtLast(directory: string): string[] {
    this.#seen.clear();
    const names = readdirSync(directory).sort().join(' ');
    return [...this.look(directory), ...(names === 'blob packed.tgz tree' ? [] : [`${directory} has ${names}`])];
  }

  #check(path: string, isWhole: (path: string) => boolean): string[] {
    const before = versionOf(path);
    if (before === undefined || this.#seen.get(path) === before) return [];
    const right = attempt(() => isWhole(path));
    // What was put in its place meanwhile is for the next look.
    if (versionOf(path) !== before) return [];
    this.#seen.set(path, before);
    return right ? [] : [`${path} is there and not whole`];
  }

  #isTree(path: string): boolean {
    const names = readdirSync(path);
    const isRight = (name: string) => readFileSync(join(path, name), 'utf8') === `${this.#number} ${name}\n`;
    return names.length === files && names.every(isRight);
  }
}

function versionOf(path: string): string | undefined {
  const found = lstatSync(path, { throwIfNoEntry: false });
  return found && [found.ino, found.size, found.ctimeMs].join(' ');
}

function attempt(check: () => boolean): boolean {
  try {
    return check();
  } catch {
    return false;
  }
}

function sum(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}
