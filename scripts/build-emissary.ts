// npm run build:emissary [amd64] [arm64]: builds the emissary's static binaries into dist/emissary, with the sha256 that
// `podhand init` checks. Debian packages that are missing are installed by apt-get (as root); the rest is in the cache.
import { createHash } from 'node:crypto';
import { chmod, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { ensureEmissary, largestBytes } from './emissary/build.ts';
import { architectures } from './emissary/toolchain.ts';

const wanted = process.argv.slice(2);
const unknown = wanted.find((word) => !architectures.some((architecture) => architecture === word));
if (unknown !== undefined) {
  process.stderr.write(`"${unknown}" is none of ${architectures.join(', ')}\n`);
  process.exit(64);
}
const directory = fileURLToPath(new URL('../dist/emissary/', import.meta.url));
await mkdir(directory, { recursive: true });
for (const architecture of architectures.filter((name) => wanted.length === 0 || wanted.includes(name))) {
  const content = await readFile(await ensureEmissary(architecture));
  if (content.length > largestBytes) throw new Error(`${content.length} bytes are over the limit of ${largestBytes}`);
  const name = `podhand-emissary-${architecture}`;
  const sum = createHash('sha256').update(content).digest('hex');
  await writeFile(`${directory}.${name}`, content);
  await chmod(`${directory}.${name}`, 0o555);
  await rename(`${directory}.${name}`, `${directory}${name}`);
  await writeFile(`${directory}${name}.sha256`, `${sum}  ${name}\n`);
  process.stdout.write(`${directory}${name}  ${content.length} bytes  sha256 ${sum}\n`);
}
