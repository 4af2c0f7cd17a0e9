import { mkdir, rename } from 'node:fs/promises';
import { cacheDir } from './cache.ts';
import { ensureFiles, findProgram } from './debian.ts';
import { withLock } from './lock.ts';
import { must, run } from './processes.ts';

/** The newest that Debian 12's Go (1.19) still builds. */
const version = 'v1.9.1';

/**
 * grpcurl, the client that knows nothing of our proto files. Built from source once, in about a minute, with the Go of
 * this machine or Debian's `golang-go`; modules come through Go's proxy. Gives its path.
 */
export async function ensureGrpcurl(): Promise<string> {
  const path = cacheDir('tools', `grpcurl-${version}`);
  if (await works(path)) return path;
  await withLock(cacheDir('tools.lock'), async () => {
    if (await works(path)) return;
    let go = await findProgram('go');
    if (go === undefined) {
      await ensureFiles(['/usr/bin/go'], ['golang-go']);
      go = '/usr/bin/go';
    }
    const work = cacheDir('tools', 'build');
    await mkdir(work, { recursive: true });
    const settings = [
      `GOPATH=${work}`,
      `GOBIN=${work}`,
      `GOCACHE=${work}/cache`,
      'GOFLAGS=-modcacherw',
      'CGO_ENABLED=0',
    ];
    process.stderr.write(`building grpcurl ${version}\n`);
    await must(['env', ...settings, go, 'install', `github.com/fullstorydev/grpcurl/cmd/grpcurl@${version}`], {
      cwd: '/',
    });
    await rename(`${work}/grpcurl`, path);
    await must(['rm', '-rf', work]);
  });
  return path;
}

async function works(path: string): Promise<boolean> {
  return await run([path, '-version']).then(
    ({ exitCode }) => exitCode === 0,
    () => false,
  );
}
