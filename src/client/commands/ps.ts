import type { Session } from '../cli/session.ts';
import { plain } from '../output/plain.ts';
import { exitText, kindText, stateText } from '../output/records.ts';
import { table } from '../output/table.ts';
import { age } from '../output/times.ts';

/** `podhand ps`: the containers of the pod. */
export async function ps(session: Session): Promise<number> {
  const answer = await session.client.listContainers(session.call);
  await session.print(plain(answer), () => {
    const rows = answer.containers.map((container) => [
      container.name,
      container.containerId.slice(0, 12),
      kindText(container.kind),
      stateText(container.state),
      container.finalRecord === null ? '' : exitText(container.finalRecord),
      container.reason,
      String(container.restartCount),
      age(container.startedAt ?? container.createdAt),
      container.image,
    ]);
    return table(['NAME', 'ID', 'KIND', 'STATE', 'EXIT', 'REASON', 'RESTARTS', 'AGE', 'IMAGE'], rows);
  });
  return 0;
}
