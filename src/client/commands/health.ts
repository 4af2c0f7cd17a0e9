import { failureCode } from '../cli/exit-codes.ts';
import type { Session } from '../cli/session.ts';
import { plain } from '../output/plain.ts';

/** `podhand health`: whether the agent serves. */
export async function health(session: Session): Promise<number> {
  const answer = await session.client.health(session.call);
  await session.print(plain(answer), () => `${answer.status}\n`);
  return answer.status === 'SERVING' ? 0 : failureCode;
}
