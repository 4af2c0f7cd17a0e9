const durationUnits: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const byteUnits: Readonly<Record<string, number>> = {
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
};

/**
 * A duration as Kubernetes and Go write it: `10s`, `1m30s`, `500ms`, `1h`, `0`. Returns milliseconds, or undefined if
 * the text is no duration. A bare number other than 0 has no unit and is refused.
 */
export function parseDuration(text: string): number | undefined {
  if (text === '0') return 0;
  if (!/^(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+$/.test(text)) return undefined;
  let total = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)) {
    total += Number(amount) * (durationUnits[unit ?? ''] ?? Number.NaN);
  }
  return Number.isSafeInteger(Math.round(total)) ? Math.round(total) : undefined;
}

/**
 * A number of bytes as Kubernetes writes it: `1048576`, `64Ki`, `1Gi`, `500M`, also `1GiB`. Returns bytes, or undefined
 * if the text is no quantity.
 */
export function parseBytes(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)(Ki|Mi|Gi|Ti|k|M|G|T)?(?:B)?$/.exec(text);
  if (match === null) return undefined;
  const bytes = Math.round(Number(match[1]) * (byteUnits[match[2] ?? ''] ?? Number.NaN));
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** Milliseconds in the shortest of Go's forms: 90000 is `1m30s`. */
export function formatDuration(milliseconds: number): string {
  if (milliseconds < 1000) return `${Math.round(milliseconds)}ms`;
  const seconds = Math.round(milliseconds / 100) / 10;
  if (seconds < 60) return `${seconds}s`;
  const whole = Math.round(seconds);
  const parts = [
    [Math.floor(whole / 3600), 'h'],
    [Math.floor((whole % 3600) / 60), 'm'],
    [whole % 60, 's'],
  ] as const;
  return parts.map(([amount, unit]) => (amount > 0 ? `${amount}${unit}` : '')).join('');
}

/** Bytes for people: 1536 is `1.5Ki`. */
export function formatBytes(bytes: number): string {
  let amount = bytes;
  for (const unit of ['', 'Ki', 'Mi', 'Gi']) {
    if (amount < 1024) return `${Math.round(amount * 10) / 10}${unit}`;
    amount /= 1024;
  }
  return `${Math.round(amount * 10) / 10}Ti`;
}
