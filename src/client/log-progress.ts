import type { StreamLogsRequest as WireStreamLogs } from '../wire/generated/podhand/v1/StreamLogsRequest.ts';
import type { StreamLogsResponse__Output } from '../wire/generated/podhand/v1/StreamLogsResponse.ts';
import { logsMessage, type StreamLogsRequest } from './requests.ts';

/** How far the logs of one call were delivered, over all its attempts. */
export class LogProgress {
  readonly #request: StreamLogsRequest;
  readonly #bytes = { stdout: 0, stderr: 0 };
  #cursor: Uint8Array | undefined;

  constructor(request: StreamLogsRequest) {
    this.#request = request;
  }

  /** The request of the next attempt: it goes on after the last chunk that was delivered. */
  message(): WireStreamLogs {
    return logsMessage(this.#request, this.#cursor);
  }

  /** Passes the stream on; `end` then counts the bytes of all attempts. */
  async *track(source: AsyncIterable<StreamLogsResponse__Output>): AsyncGenerator<StreamLogsResponse__Output, void> {
    for await (const message of source) {
      const { chunk, end } = message;
      if (chunk) {
        this.#bytes[chunk.stream === 'LOG_STREAM_STDERR' ? 'stderr' : 'stdout'] += chunk.data.length;
        this.#cursor = chunk.cursor;
      }
      if (end) yield { event: 'end', end: { stdoutBytes: this.#bytes.stdout, stderrBytes: this.#bytes.stderr } };
      else yield message;
    }
  }
}
