import { PodhandError } from '../../wire/errors.ts';
import type { Session } from '../cli/session.ts';
import { plain } from '../output/plain.ts';
import { facts } from '../output/table.ts';

export interface EntrypointOptions {
  readonly container?: string;
  readonly command?: readonly string[];
}

/** `podhand entrypoint`: what a kubelet would run for an image, a command and arguments. */
export async function entrypoint(
  session: Session,
  words: readonly string[],
  options: EntrypointOptions,
): Promise<number> {
  const { container, command = [] } = options;
  const [image, ...others] = words;
  if (container === undefined && image === undefined) {
    throw new PodhandError('INVALID_REQUEST', 'name an image, or a container with -c');
  }
  const request =
    container === undefined ? { image: image ?? '', command, args: others } : { container, command, args: words };
  const answer = await session.client.resolveEntrypoint(request, session.call);
  await session.print(plain(answer), () =>
    facts([
      ['Image', answer.image],
      ['Image ID', answer.imageId],
      ['Entrypoint', JSON.stringify(answer.entrypoint)],
      ['Cmd', JSON.stringify(answer.cmd)],
      ['Runs', JSON.stringify(answer.argv)],
      ['Working dir', answer.workingDir],
      ['User', answer.user],
      ['Source', answer.source],
    ]),
  );
  return 0;
}
