import type { PodhandError } from './errors.ts';
import { loadStatusMessages } from './load.ts';

/** The metadata key of the trailer that carries the error's facts. */
export const statusDetailsKey = 'grpc-status-details-bin';
/** The domain of every reason of podhand. */
export const errorDomain = 'podhand.dev';

const errorInfoUrl = 'type.googleapis.com/google.rpc.ErrorInfo';
/** HTTP/2 headers are small by default; a fact that does not fit is left out rather than the whole trailer refused. */
const maxMetadataBytes = 4096;

/** The facts of an error as `google.rpc.ErrorInfo` carries them. */
export interface ErrorFacts {
  readonly reason: string;
  readonly domain: string;
  readonly metadata: Readonly<Record<string, string>>;
}

/**
 * The value of the trailer `grpc-status-details-bin`: a `google.rpc.Status` with one `google.rpc.ErrorInfo` of the
 * error's reason and details. Details beyond 4 KiB in all are left out, the last ones first.
 */
export function encodeErrorInfo(error: PodhandError): Buffer {
  const { Status, ErrorInfo } = loadStatusMessages();
  const info = ErrorInfo.serialize({
    reason: error.reason,
    domain: errorDomain,
    metadata: withinLimit(error.details),
  });
  return Status.serialize({
    code: error.code,
    message: truncate(error.message, maxMetadataBytes),
    details: [{ type_url: errorInfoUrl, value: info }],
  });
}

/** The first `google.rpc.ErrorInfo` of a `grpc-status-details-bin` trailer; undefined if there is none or it is broken. */
export function decodeErrorInfo(trailer: Buffer): ErrorFacts | undefined {
  const { Status, ErrorInfo } = loadStatusMessages();
  try {
    for (const detail of Status.deserialize(trailer).details) {
      if (detail.type_url !== errorInfoUrl) continue;
      const { reason, domain, metadata } = ErrorInfo.deserialize(detail.value);
      return { reason, domain, metadata };
    }
  } catch {
    // The bytes come from the other side of the socket; broken ones say nothing.
  }
  return undefined;
}

function withinLimit(details: Readonly<Record<string, string>>): Record<string, string> {
  const kept: Record<string, string> = {};
  let left = maxMetadataBytes;
  for (const [key, value] of Object.entries(details)) {
    left -= Buffer.byteLength(key) + Buffer.byteLength(value);
    if (left < 0) break;
    kept[key] = value;
  }
  return kept;
}

function truncate(text: string, maxBytes: number): string {
  if (Buffer.byteLength(text) <= maxBytes) return text;
  return Buffer.from(text)
    .subarray(0, maxBytes)
    .toString('utf8')
    .replace(/\uFFFD+$/u, '');
}
