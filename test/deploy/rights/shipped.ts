import { parseAllDocuments } from 'yaml';
import type { Kubectl } from '../../cluster/kubectl.ts';
import type { PolicyRule } from '../../cluster/service-account.ts';

interface Named {
  readonly name: string;
}

export interface AgentContainer extends Named {
  env?: (Named & object)[];
  resources?: object;
  volumeMounts: (Named & {
    readonly mountPath: string;
    readonly readOnly?: boolean;
    readonly mountPropagation?: string;
  })[];
  securityContext: {
    runAsUser?: number;
    capabilities: { drop: string[]; add?: string[] };
    seccompProfile?: { type: string };
    [key: string]: unknown;
  };
  [key: string]: unknown;
}

export interface AgentSpec {
  containers: [AgentContainer];
  volumes: (Named & { hostPath?: { path: string; type: string }; configMap?: Named })[];
  hostPID?: boolean;
  automountServiceAccountToken: boolean;
  serviceAccountName: string;
  [key: string]: unknown;
}

/** What a manifest of deploy/ makes of the agent; a copy of it each time. */
export interface Shipped {
  readonly spec: AgentSpec;
  readonly config: string;
  readonly rules: PolicyRule[];
  /** Of its pods. */
  readonly annotations: Record<string, string>;
}

interface Template {
  readonly metadata: { readonly annotations?: Record<string, string> };
  readonly spec: AgentSpec;
}

interface Manifest {
  readonly kind: string;
  readonly data?: Record<string, string>;
  readonly rules?: PolicyRule[];
  readonly spec?: { readonly template: Template };
}

/** `kustomization`: its directory. */
export async function shipped(kubectl: Kubectl, kustomization: string): Promise<() => Shipped> {
  const text = await kubectl.must(['kustomize', kustomization]);
  return () => {
    const all = parseAllDocuments(text).map((document) => document.toJS() as Manifest);
    const of = (kind: string) => all.find((each) => each.kind === kind);
    const template = of('DaemonSet')?.spec?.template;
    const config = of('ConfigMap')?.data?.['config.yaml'];
    if (template === undefined || config === undefined) throw new Error(`${kustomization} has no agent`);
    const { spec, metadata } = template;
    return { spec, config, rules: of('ClusterRole')?.rules ?? [], annotations: metadata.annotations ?? {} };
  };
}
