export type StreamIndex = 0 | 1;

/**
 * Where the parts of one record lie in the block that it was found in. One object is used for every record of a file:
 * millions of them pass.
 */
export interface RecordSpan {
  /** 0 is stdout, 1 is stderr. */
  stream: StreamIndex;
  timeStart: number;
  timeEnd: number;
  contentStart: number;
  contentEnd: number;
  /** The record ends its line. */
  endsLine: boolean;
}

/**
 * One of the two forms of a node's log files. In both a record is one line of the file; `end` is where its newline is.
 */
export interface LogFormat {
  readonly name: 'cri' | 'docker-json';
  /** Bytes that decoding may add to a record's content, for its newline. */
  readonly addsNewline: boolean;
  /** Finds the parts of the record `block[start, end)`; false where it is none. */
  parse(block: Buffer, start: number, end: number, span: RecordSpan): boolean;
  /**
   * Writes the record's content to `out` at `at`, as the container wrote it, its newline included; `out` has room for
   * `contentEnd - contentStart + 1` bytes. Returns the place after it.
   */
  write(block: Buffer, span: RecordSpan, out: Buffer, at: number): number;
}

export function emptySpan(): RecordSpan {
  return { stream: 0, timeStart: 0, timeEnd: 0, contentStart: 0, contentEnd: 0, endsLine: false };
}
