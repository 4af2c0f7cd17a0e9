// Writes what is generated from proto/: the TypeScript types of the wire, and the descriptor as readable JSON, so that
// every change of the wire shows in a diff; the copy of deploy/daemonset.yaml that kustomize wants in a directory of its
// own; and the tables of capabilities and of rights. With --check: fails where a committed file is not what would be written.
import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { capabilityTable } from './capability-table.ts';
import { rightsTable } from './rights-table.ts';

const root = fileURLToPath(new URL('../', import.meta.url));
const files = ['podhand/v1/executor.proto', 'google/rpc/status.proto', 'grpc/health/v1/health.proto'];
const generated = 'src/wire/generated';
const descriptorFile = 'proto/descriptor.json';
const manifest = 'deploy/daemonset.yaml';
const manifestCopy = 'deploy/base/daemonset.yaml';
/** Of docs/, what is made of what the code says. */
const tables = { 'docs/capabilities.md': capabilityTable, 'docs/rights.md': rightsTable };

function writeTypes(into: string): void {
  const options = ['--longs=Number', '--enums=String', '--defaults', '--oneofs', '--grpcLib=@grpc/grpc-js'];
  const tool = join(root, 'node_modules/.bin/proto-loader-gen-types');
  execFileSync(tool, [...options, '--importFileExtension=.ts', '-I', 'proto', '-O', into, ...files], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}

/** As buf, which resolves names and imports as protoc does, writes it; bare of comments and positions. */
function descriptorJson(): string {
  const buf = join(root, 'node_modules/.bin/buf');
  const options = ['--exclude-source-info', '--as-file-descriptor-set', '-o', '-#format=json'];
  const text = execFileSync(buf, ['build', 'proto', ...options], { cwd: root, encoding: 'utf8' });
  return `${JSON.stringify(JSON.parse(text), null, 1)}\n`;
}

function tree(directory: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const name of readdirSync(directory, { recursive: true, encoding: 'utf8' })) {
    const path = join(directory, name);
    if (statSync(path).isFile()) found.set(relative(directory, path), readFileSync(path, 'utf8'));
  }
  return found;
}

function stale(): string[] {
  const fresh = mkdtempSync(join(tmpdir(), 'podhand-generated-'));
  try {
    writeTypes(fresh);
    const wanted = tree(fresh);
    const committed = tree(join(root, generated));
    const names = new Set([...wanted.keys(), ...committed.keys()]);
    const different = [...names]
      .filter((name) => wanted.get(name) !== committed.get(name))
      .map((name) => join(generated, name));
    if (readFileSync(join(root, descriptorFile), 'utf8') !== descriptorJson()) different.push(descriptorFile);
    if (readFileSync(join(root, manifestCopy), 'utf8') !== readFileSync(join(root, manifest), 'utf8'))
      different.push(manifestCopy);
    for (const [file, table] of Object.entries(tables))
      if (!existsSync(join(root, file)) || readFileSync(join(root, file), 'utf8') !== table()) different.push(file);
    return different;
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
}

if (process.argv.includes('--check')) {
  const different = stale();
  if (different.length > 0) {
    process.stderr.write(
      `not in step with what they are made from; run "npm run generate" and commit:\n${different.map((name) => `  ${name}`).join('\n')}\n`,
    );
    process.exit(1);
  }
} else {
  rmSync(join(root, generated), { recursive: true, force: true });
  writeTypes(generated);
  writeFileSync(join(root, descriptorFile), descriptorJson());
  copyFileSync(join(root, manifest), join(root, manifestCopy));
  for (const [file, table] of Object.entries(tables)) writeFileSync(join(root, file), table());
}
