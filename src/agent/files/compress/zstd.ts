import { Readable } from 'node:stream';
import { constants, createZstdCompress } from 'node:zlib';

/**
 * The bytes as one frame of zstd, at the consumer's pace, on one core: with more workers Node ends its stream before all
 * has come out, and of frames one after the other it reads the first alone. `level` 0 is the format's default. The
 * source is finished and the compressor freed when the consumer stops, when the source fails (with its error) and when
 * `signal` aborts.
 */
export async function* zstd(chunks: AsyncIterable<Buffer>, level: number, signal: AbortSignal): AsyncGenerator<Buffer> {
  const compressor = createZstdCompress({
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
