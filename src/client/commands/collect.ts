import type { Session } from '../cli/session.ts';

export interface CollectOptions {
  readonly filename: string;
  readonly outputDir: string;
  readonly check?: boolean;
}

export async function collect(_session: Session, _options: CollectOptions): Promise<number> {
  return 0;
}
