import type { Container__Output } from '../wire/generated/podhand/v1/Container.ts';
import type { WaitResponse__Output } from '../wire/generated/podhand/v1/WaitResponse.ts';

/** Leaves out what a repeated Wait says again: the states in which the containers already were. */
export async function* distinctChanges(
  source: AsyncIterable<WaitResponse__Output>,
): AsyncGenerator<WaitResponse__Output, void, undefined> {
  const last = new Map<string, string>();
  for await (const message of source) {
    const { changed } = message;
    if (changed) {
      const state = stateOf(changed);
      if (last.get(changed.name) === state) continue;
      last.set(changed.name, state);
    }
    yield message;
  }
}

function stateOf({ containerId, restartCount, state, reason, finalRecord }: Container__Output): string {
  return JSON.stringify([containerId, restartCount, state, reason, finalRecord !== null]);
}
