import { describe, expect } from 'vitest';
import type { StreamLogsResponse__Output } from '../../src/wire/generated/podhand/v1/StreamLogsResponse.ts';
import { eventually, type Flavour, logsOf, of, type Subject } from '../conformance/subject.ts';
import { attackOn } from './attack.ts';

/** What every runtime here keeps without rotating it away. */
const size = 3_000_000;
const largestChunk = 64 * 1024;
/** Runtimes keep the last part back until it is 16 KiB, and what they have read of the next one, or the line ends. */
const keptBack = 32 * 1024;

export function longLine(flavour: Flavour, subject: () => Subject): void {
  const attack = attackOn(flavour.executor);

  describe('a line that does not end', () => {
    attack(51, 'comes in chunks, each of 64 KiB at most', async () => {
      const pod = await subject().pod();
      await subject().sh(pod, 'main', `head -c ${size} /dev/zero | tr '\\0' x; exec sleep 600`);
      const length = async () =>
        (await logsOf(subject(), pod, { container: 'main' }).catch(() => undefined))?.both.length ?? 0;
      await eventually(async () => (await length()) >= size - keptBack);
      const call = subject().client.streamLogs(
        { container: 'main' },
        of(pod),
      ) as AsyncIterable<StreamLogsResponse__Output>;
      let largest = 0;
      for await (const { chunk } of call) largest = Math.max(largest, chunk?.data.length ?? 0);
      expect(largest).toBeGreaterThan(0);
      expect(largest).toBeLessThanOrEqual(largestChunk);
    });
  });
}
