import { isUtf8 } from 'node:buffer';
import { fromLocal } from '../local-failure.ts';
import type { CollectContext, Ended, Report } from './context.ts';
import { type CollectedParameter, type CollectedResult, factsOf, type Value } from './outputs.ts';
import type { CollectSpec, ParameterSpec } from './spec.ts';

type ResultSpec = NonNullable<CollectSpec['result']>;

/**
 * The last `maxBytes` of a container's stdout, one newline at the end left out. Memory: twice `maxBytes`. Where the
 * executor does not tell stdout from stderr (`splits`), of both.
 */
export async function takeResult(
  { client, call, note }: CollectContext,
  { container, maxBytes }: ResultSpec,
  splits: boolean,
  ended: Ended,
  report: Report,
): Promise<CollectedResult | undefined> {
  const request = splits ? ({ container, stream: 'LOG_STREAM_STDOUT' } as const) : { container };
  try {
    let tail = Buffer.alloc(0);
    let total = 0;
    for await (const { chunk } of client.streamLogs(request, call)) {
      if (!chunk) continue;
      total += chunk.data.length;
      tail = Buffer.concat([tail, chunk.data]);
      if (tail.length > maxBytes) tail = Buffer.from(tail.subarray(-maxBytes));
    }
    const truncated = total > maxBytes;
    note(`result of ${container}: ${total} bytes${truncated ? `, the last ${maxBytes} kept` : ''}`);
    const stderr = splits ? undefined : ({ withStderr: true } as const);
    return { container, truncated, ...stderr, ...encoded(withoutNewline(truncated ? fromCharacter(tail) : tail)) };
  } catch (thrown) {
    const error = fromLocal(thrown);
    const excused = error.reason === 'CONTAINER_NOT_STARTED' && !ended.succeeded(container);
    report({ subject: 'result', excused, ...factsOf(error) });
    return undefined;
  }
}

/** One parameter: the file's content, else the default whatever the reason. */
export async function takeParameter(
  { client, call, note }: CollectContext,
  spec: ParameterSpec,
  ended: Ended,
  report: Report,
): Promise<CollectedParameter> {
  const { name, container, path, maxBytes } = spec;
  try {
    const pieces: Buffer[] = [];
    for await (const { chunk } of client.readFile({ container, path, maxBytes }, call)) if (chunk) pieces.push(chunk);
    note(`parameter ${name}: from ${container}:${path}`);
    return { name, source: 'file', ...encoded(withoutNewline(Buffer.concat(pieces))) };
  } catch (thrown) {
    const error = fromLocal(thrown);
    if (spec.default !== undefined) {
      note(`parameter ${name}: its default, since ${error.message}`);
      return { name, source: 'default', ...encoded(Buffer.from(spec.default)), ...factsOf(error) };
    }
    report({
      subject: `parameter ${name}`,
      excused: isAbsence(error.reason) && !ended.succeeded(container),
      ...factsOf(error),
    });
    return { name, source: 'missing', ...factsOf(error) };
  }
}

/** Reasons that only say that the container did not get as far as writing it. */
export function isAbsence(reason: string): boolean {
  return reason === 'FILE_NOT_FOUND' || reason === 'CONTAINER_NOT_STARTED' || reason === 'CONTAINER_NOT_FOUND';
}

function encoded(bytes: Buffer): Value {
  const encoding = isUtf8(bytes) ? 'utf-8' : 'base64';
  return { value: bytes.toString(encoding), encoding, bytes: bytes.length };
}

function withoutNewline(bytes: Buffer): Buffer {
  return bytes.at(-1) === 0x0a ? bytes.subarray(0, -1) : bytes;
}

/** The cut may have hit the middle of a character: its at most three remaining bytes are left out. */
function fromCharacter(bytes: Buffer): Buffer {
  let start = 0;
  while (start < 3 && ((bytes[start] ?? 0) & 0xc0) === 0x80) start += 1;
  return bytes.subarray(start);
}
