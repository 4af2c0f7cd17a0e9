import { formatBytes } from '../../wire/quantity.ts';

/** How far a transfer is, shown to a person. */
export interface Progress {
  /** `total`: 0 while it is not known. Bytes. */
  update(bytes: number, total: number): void;
  stop(): void;
}

const silent: Progress = { update: () => undefined, stop: () => undefined };

/** A bar on stderr where that is a terminal; nothing in a pipe or with --quiet. */
export async function startProgress(label: string, quiet: boolean): Promise<Progress> {
  if (quiet || !process.stderr.isTTY) return silent;
  const { SingleBar } = await import('cli-progress');
  const bar = new SingleBar({
    stream: process.stderr,
    clearOnComplete: true,
    hideCursor: true,
    format: (_, { value, total }, { rate }: { rate?: number }) => {
      const done =
        total > 0 ? `${meter(value / total)} ${formatBytes(value)} of ${formatBytes(total)}` : formatBytes(value);
      return `${label} ${done}, ${formatBytes(rate ?? 0)}/s`;
    },
  });
  const begun = performance.now();
  bar.start(0, 0);
  return {
    update: (bytes, total) => {
      bar.setTotal(total);
      bar.update(bytes, { rate: bytes / Math.max(0.001, (performance.now() - begun) / 1000) });
    },
    stop: () => bar.stop(),
  };
}

function meter(share: number): string {
  const width = 30;
  const filled = Math.round(Math.min(1, share) * width);
  return `[${'='.repeat(filled)}${' '.repeat(width - filled)}]`;
}
