/** The same bytes in blocks of that size; the last one may be shorter. Finishes the source when the consumer stops. */
export async function* inBlocks(chunks: AsyncIterable<Buffer>, size: number): AsyncGenerator<Buffer> {
  let parts: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length; ) {
      const part = chunk.subarray(at, at + size - bytes);
      parts.push(part);
      bytes += part.length;
      at += part.length;
      if (bytes < size) continue;
      yield Buffer.concat(parts, bytes);
      parts = [];
      bytes = 0;
    }
  }
  if (bytes > 0) yield Buffer.concat(parts, bytes);
}

/**
 * What `work` makes of each, in their order, at most `most` under way at once: no more is taken from the source until the
 * consumer has taken the oldest. Finishes the source when the consumer stops; what is under way then ends unheard.
 */
export async function* inOrder<From, To>(
  source: AsyncIterable<From>,
  most: number,
  work: (from: From) => Promise<To>,
): AsyncGenerator<To> {
  const underWay: Promise<To>[] = [];
  for await (const from of source) {
    const result = work(from);
    // Heard of when its turn comes, if it does.
    result.catch(() => undefined);
    underWay.push(result);
    if (underWay.length >= most) yield (await underWay.shift()) as To;
  }
  for (const result of underWay) yield await result;
}
