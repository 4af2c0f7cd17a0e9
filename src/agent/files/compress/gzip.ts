import { availableParallelism } from 'node:os';
import { promisify } from 'node:util';
import { constants, crc32, deflateRaw } from 'node:zlib';
import pLimit from 'p-limit';
import { inBlocks, inOrder } from './blocks.ts';

const deflate = promisify<Buffer, object, Buffer>(deflateRaw);

/** Smaller ones cost more than they are worth: a quarter of a millisecond each, in the event loop. */
const blockBytes = 1024 * 1024;
/** Most blocks of text are not larger when compressed. */
const outputBytes = 256 * 1024;
/** How far back a match may lie in deflate. */
const windowBytes = 32 * 1024;
/** Node's own file operations are done by the same four threads: some are left to them. */
const cores = Math.max(1, Math.min(3, availableParallelism()));
/** Of all streams: in the order in which their blocks came. */
const turns = pLimit(cores);

/** RFC 1952: deflate, no name, no time (the same bytes give the same archive), of an unknown system. */
const header = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]);
/** A last block with nothing in it. */
const end = Buffer.from([3, 0]);

/**
 * The bytes as one member of gzip, at the consumer's pace, on several cores as pigz does it: each block is compressed by
 * itself, with the end of the one before as what it may refer to. `level` 0 is the format's default. The source is
 * finished when the consumer stops, when it fails (with its error) and when `signal` aborts.
 */
export async function* gzip(chunks: AsyncIterable<Buffer>, level: number, signal: AbortSignal): AsyncGenerator<Buffer> {
  let sum = 0;
  let size = 0;
  let before: Buffer | undefined;
  const compressed = (block: Buffer): Promise<Buffer> => {
    signal.throwIfAborted();
    sum = crc32(block, sum);
    size += block.length;
    const options = {
      chunkSize: outputBytes,
      // What has come out ends on a whole byte, so that the next block can follow.
      finishFlush: constants.Z_SYNC_FLUSH,
      ...(level > 0 && { level }),
      ...(before !== undefined && { dictionary: before.subarray(-windowBytes) }),
    };
    before = block;
    return turns(() => (signal.aborted ? end : deflate(block, options)));
  };
  yield header;
  for await (const piece of inOrder(inBlocks(chunks, blockBytes), cores + 1, compressed)) {
    signal.throwIfAborted();
    yield piece;
  }
  const trailer = Buffer.alloc(8);
  trailer.writeUInt32LE(sum, 0);
  trailer.writeUInt32LE(size % 2 ** 32, 4);
  yield Buffer.concat([end, trailer]);
}
