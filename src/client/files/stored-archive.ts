import { AtomicFile } from './atomic-file.ts';

/** Writes an archive as it comes to a file that appears whole or not at all. */
export async function storeArchive(target: Buffer, chunks: AsyncIterable<Uint8Array>): Promise<void> {
  using file = new AtomicFile(target);
  for await (const chunk of chunks) file.write(chunk);
  file.commit();
}
