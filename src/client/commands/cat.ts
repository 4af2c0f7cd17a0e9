import { containerPlace } from '../cli/container-path.ts';
import type { Session } from '../cli/session.ts';

export interface CatOptions {
  readonly container?: string;
  readonly maxBytes?: number;
}

/** `podhand cat`: one regular file to stdout. */
export async function cat(session: Session, place: string, options: CatOptions): Promise<number> {
  const request = { ...containerPlace(place, options.container), maxBytes: options.maxBytes ?? 0 };
  for await (const { chunk } of session.client.readFile(request, session.call)) {
    if (chunk) await session.write(chunk);
  }
  return 0;
}
