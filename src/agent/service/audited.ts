import { isUtf8 } from 'node:buffer';
import { PodhandError } from '../../wire/errors.ts';
import type { CollectArtifactRequest__Output } from '../../wire/generated/podhand/v1/CollectArtifactRequest.ts';
import type { KillRequest__Output } from '../../wire/generated/podhand/v1/KillRequest.ts';
import type { ReadFileRequest__Output } from '../../wire/generated/podhand/v1/ReadFileRequest.ts';
import type { SaveArtifactRequest__Output } from '../../wire/generated/podhand/v1/SaveArtifactRequest.ts';
import { status } from '../../wire/status.ts';
import type { AuditSubject } from '../rpc/audit.ts';
import { millisecondsOf } from './messages.ts';

/** Longer ones are refused anyway; they are not to fill the log. */
const maxPathBytes = 4096;
const maxSignalLength = 32;

/** What the audit log says of each call that it keeps; the others have no entry here. */
export const audited = {
  kill: (request: KillRequest__Output): AuditSubject => ({
    action: 'kill',
    containers: request.containers,
    facts: {
      signal: (request.signal || 'TERM').slice(0, maxSignalLength),
      once: request.once,
      graceMs: request.once ? undefined : millisecondsOf(request.gracePeriod),
    },
  }),
  readFile: ({ container, path }: ReadFileRequest__Output): AuditSubject => ({
    action: 'read',
    containers: [container],
    facts: pathFacts('path', path),
  }),
  collectArtifact: ({ container, path, format }: CollectArtifactRequest__Output): AuditSubject => ({
    action: 'collect',
    containers: [container],
    facts: { ...pathFacts('path', path), format },
  }),
  saveArtifact: ({ container, path, destination, format }: SaveArtifactRequest__Output): AuditSubject => ({
    action: 'save',
    containers: [container],
    facts: { ...pathFacts('path', path), ...pathFacts('destination', destination), format },
  }),
};

/** What was not done for sure. Of a signal or a save that was broken off nobody knows. */
const refusals: ReadonlySet<number> = new Set([
  status.INVALID_ARGUMENT,
  status.NOT_FOUND,
  status.ALREADY_EXISTS,
  status.PERMISSION_DENIED,
  status.RESOURCE_EXHAUSTED,
  status.FAILED_PRECONDITION,
  status.UNIMPLEMENTED,
  status.UNAUTHENTICATED,
]);

/** Whether an error says that nothing was done. */
export function isRefusal(error: unknown): boolean {
  return error instanceof PodhandError && refusals.has(error.code);
}

/** As text; what no text can say, in base64 as well. */
function pathFacts(name: 'path' | 'destination', bytes: Buffer): Record<string, string> {
  const path = bytes.subarray(0, maxPathBytes);
  const text = { [name]: path.toString('utf8') };
  return isUtf8(path) ? text : { ...text, [`${name}Base64`]: path.toString('base64') };
}
