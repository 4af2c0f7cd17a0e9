/** The largest chunk of bytes in one message, in bytes. */
export const maxChunkBytes = 64 * 1024;

/** The same bytes in pieces of at most 64 KiB; nothing is copied, nothing is read ahead. */
export async function* recut(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length; at += maxChunkBytes) yield chunk.subarray(at, at + maxChunkBytes);
  }
}
