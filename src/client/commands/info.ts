import { formatBytes } from '../../wire/quantity.ts';
import type { Session } from '../cli/session.ts';
import { plain } from '../output/plain.ts';
import { facts, table } from '../output/table.ts';

/** `podhand info`: what answers, for which pod, and what it can do. */
export async function info(session: Session): Promise<number> {
  const answer = await session.client.getInfo(session.call);
  const { pod, limits, capabilities } = answer;
  await session.print(plain(answer), () => {
    const head = facts([
      ['Agent', answer.agentVersion],
      ['Node', answer.nodeName],
      ['Pod', pod === null ? '' : `${pod.namespace}/${pod.name}`],
      ['Pod UID', pod?.uid ?? ''],
      ['Container', answer.callerContainer],
      ['Executor', answer.executor],
      ['Largest file', limits === null ? '' : formatBytes(limits.maxFileBytes)],
      ['Largest tree', limits === null ? '' : `${formatBytes(limits.maxTreeBytes)}, ${limits.maxTreeEntries} entries`],
    ]);
    const rows = capabilities.map(({ name, supported, note }) => [name, supported ? 'yes' : 'no', note]);
    return `${head}\n${table(['CAPABILITY', 'SUPPORTED', 'NOTE'], rows)}`;
  });
  return 0;
}
