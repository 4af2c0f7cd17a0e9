import type { CopyDestination } from './source.ts';
export async function writeStream(_d: CopyDestination, _c: AsyncIterable<Buffer>, _s: AbortSignal): Promise<number> {
  throw new Error('later');
}
