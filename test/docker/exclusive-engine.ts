import { cacheDir } from '../node/cache.ts';
import { type Engine, startOwnEngine } from '../node/docker-engine.ts';
import { ensureImage, type TestImage } from '../node/images.ts';
import { withLock } from '../node/lock.ts';
import type { OwnEngine } from '../node/own-engine.ts';

/** An engine that nobody else uses until `close`: these tests restart it. Another run on this machine waits its turn. */
export async function exclusiveEngine(
  images: readonly TestImage[] = ['podhand-test/busybox:latest'],
): Promise<Engine & { readonly own: OwnEngine }> {
  const mine = Promise.withResolvers<void>();
  const done = Promise.withResolvers<void>();
  const holding = withLock(cacheDir('engines', 'docker-executor-tests.lock'), () => {
    mine.resolve();
    return done.promise;
  });
  await Promise.race([mine.promise, holding]);
  try {
    const engine = await startOwnEngine('docker-executor');
    for (const image of images) await ensureImage(engine.docker, image);
    const close = async () => {
      await engine.close();
      done.resolve();
      await holding;
    };
    return { ...engine, close };
  } catch (error) {
    done.resolve();
    await holding;
    throw error;
  }
}
