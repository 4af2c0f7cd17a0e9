import { Readable } from 'node:stream';
import { constants, createGzip, createZstdCompress } from 'node:zlib';

/**
 * The bytes compressed, at the consumer's pace. `level` 0 is the format's default. The source is finished and the
 * compressor freed when the consumer stops, when the source fails (with its error) and when `signal` aborts.
 */
export async function* compress(
  chunks: AsyncIterable<Buffer>,
  format: 'gzip' | 'zstd',
  level: number,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  const compressor =
    format === 'gzip'
      ? createGzip({ chunkSize: 64 * 1024, ...(level > 0 && { level }) })
      : createZstdCompress({
          chunkSize: 64 * 1024,
          ...(level > 0 && { params: { [constants.ZSTD_c_compressionLevel]: level } }),
        });
  // objectMode false keeps one chunk in flight; a failed source destroys the compressor with the source's own error.
  const source = Readable.from(chunks, { objectMode: false, signal });
  source.once('error', (error) => compressor.destroy(error));
  source.pipe(compressor);
  try {
    for await (const piece of compressor) yield piece as Buffer;
  } finally {
    source.destroy();
    compressor.destroy();
  }
}
