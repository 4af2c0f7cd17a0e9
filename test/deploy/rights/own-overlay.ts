import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import type { Kubectl } from '../../cluster/kubectl.ts';
import { manifest } from '../deployed-agent.ts';
import { type Shipped, shipped } from './shipped.ts';

/** The default manifest with components of deploy/, as an operator's own kustomization puts them together. */
export async function withComponents(kubectl: Kubectl, ...components: string[]): Promise<Shipped> {
  const own = mkdtempSync(join(tmpdir(), 'podhand-overlay-'));
  try {
    const listed = components.map((name) => relative(own, manifest(`components/${name}`)));
    const text = { resources: [relative(own, manifest('base'))], components: listed };
    writeFileSync(join(own, 'kustomization.yaml'), JSON.stringify(text));
    return (await shipped(kubectl, own))();
  } finally {
    rmSync(own, { recursive: true });
  }
}
