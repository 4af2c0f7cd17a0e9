import { randomBytes, randomUUID } from 'node:crypto';
import type { PodOptions } from './pods.ts';

export interface PodIdentity {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
}

/** Of a new pod: what was not asked for is unlike any other's. */
export function podIdentity({
  name = `pod-${randomBytes(4).toString('hex')}`,
  namespace = 'default',
}: PodOptions): PodIdentity {
  return { uid: randomUUID(), namespace, name };
}
