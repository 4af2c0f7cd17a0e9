import { mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { eventually, type Flavour, logsOf, of, type Subject } from '../conformance/subject.ts';
import { record } from '../logs/written-log.ts';
import { failure } from '../rpc/agent-under-test.ts';
import { attackOn } from './attack.ts';

/** For an executor that reads the node's log files. */
export function replacedLog(flavour: Flavour, format: 'cri' | 'docker-json', subject: () => Subject): void {
  attackOn(flavour.executor)(52, 'a log that is replaced by a link to another file of the node', async () => {
    const pod = await subject().pod();
    const main = await subject().sh(pod, 'main', 'echo said; exec sleep 600');
    const read = async () => (await logsOf(subject(), pod, { container: 'main' })).both.toString();
    await eventually(async () => (await read().catch(() => '')) === 'said\n');
    const elsewhere = mkdtempSync(join(tmpdir(), 'podhand-elsewhere-'));
    const path = await main.logPath();
    try {
      writeFileSync(join(elsewhere, 'log'), record(format, { stream: 'stdout', text: 'not for this pod\n' }));
      renameSync(path, `${path}.kept`);
      symlinkSync(join(elsewhere, 'log'), path);
      expect(await failure(subject().client.streamLogs({ container: 'main' }, of(pod)))).toMatch(/ LOGS_UNAVAILABLE$/);
    } finally {
      for (const each of [path, `${path}.kept`]) rmSync(each, { force: true });
      rmSync(elsewhere, { recursive: true });
    }
  });
}
