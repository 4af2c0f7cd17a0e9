import type { Skipped__Output } from '../../wire/generated/podhand/v1/Skipped.ts';

/** `; left out: 2 sockets, 1 devices`, or nothing. */
export function skippedText(skipped: Skipped__Output | null): string {
  const parts = Object.entries(skipped ?? {}).filter(([, count]) => count > 0);
  return parts.length === 0 ? '' : `; left out: ${parts.map(([kind, count]) => `${count} ${kind}`).join(', ')}`;
}
