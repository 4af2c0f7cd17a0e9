/**
 * The chunks; `close` is called when they end or are left, also where the first was never asked for. An error is thrown as
 * `failed` gives it.
 */
export function closing(
  close: () => void,
  chunks: AsyncGenerator<Buffer>,
  failed: (error: unknown) => unknown,
): AsyncIterableIterator<Buffer> {
  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    async next() {
      try {
        const next = await chunks.next();
        if (next.done === true) close();
        return next;
      } catch (error) {
        close();
        throw failed(error);
      }
    },
    async return() {
      close();
      return { done: true, value: undefined };
    },
  };
}
