import type { PolicyRule } from '../../cluster/service-account.ts';
import type { AgentContainer, AgentSpec, Shipped } from './shipped.ts';

/** Something that a manifest gives to the agent, and that a common pod has not. */
export interface Right {
  /** As docs/rights.md calls it. */
  readonly name: string;
  /** The same manifest, had it not this one. */
  without(shipped: Shipped): Shipped;
}

/** Of what the agent runs as where it is not root. */
const nobody = 65_534;
export const appArmor = 'container.apparmor.security.beta.kubernetes.io/agent';
const hostNamespaces = ['hostPID', 'hostIPC', 'hostNetwork'] as const;

/** Every right of a manifest. What is left of one without all of them, `harmless` has to know. */
export function rightsOf({ spec, rules, annotations }: Shipped): Right[] {
  const [{ securityContext, volumeMounts }] = spec.containers;
  return [
    ...(securityContext.capabilities.add ?? []).map(capability),
    ...hostNamespaces.filter((name) => spec[name] === true).map(hostNamespace),
    ...(securityContext.runAsUser === 0 ? [root] : []),
    ...(annotations[appArmor] === 'unconfined' ? [unconfined] : []),
    ...volumeMounts.flatMap((mount) => ofMount(mount, hostPath(spec, mount.name))),
    ...(spec.automountServiceAccountToken ? [token] : []),
    ...rules.flatMap(ofRule),
  ];
}

function capability(name: string): Right {
  const isOther = (other: string) => other !== name;
  return {
    name: `CAP_${name}`,
    without: (shipped) =>
      withContainer(shipped, ({ securityContext, ...rest }) => {
        const { add = [], ...others } = securityContext.capabilities;
        const capabilities = { ...others, add: add.filter(isOther) };
        return { ...rest, securityContext: { ...securityContext, capabilities } };
      }),
  };
}

function hostNamespace(name: (typeof hostNamespaces)[number]): Right {
  return { name, without: (shipped) => ({ ...shipped, spec: { ...shipped.spec, [name]: false } }) };
}

const root: Right = {
  name: 'uid 0',
  without: (shipped) =>
    withContainer(shipped, (container) => ({
      ...container,
      securityContext: { ...container.securityContext, runAsUser: nobody },
    })),
};

const unconfined: Right = {
  name: 'no AppArmor profile',
  without: ({ annotations: { [appArmor]: _, ...annotations }, ...shipped }) => ({ ...shipped, annotations }),
};

const token: Right = {
  name: 'service account token',
  without: (shipped) => ({ ...shipped, spec: { ...shipped.spec, automountServiceAccountToken: false } }),
};

type Mount = AgentContainer['volumeMounts'][number];

/** The files, the writing of them, and what is mounted among them later are three rights. */
function ofMount({ name, mountPath, readOnly = false, mountPropagation }: Mount, path?: string): Right[] {
  const title = path === undefined ? `\`${mountPath}\` (ConfigMap)` : `\`${path}\``;
  const changed = (change: Partial<Mount>) => (shipped: Shipped) =>
    withContainer(shipped, (container) => ({
      ...container,
      volumeMounts: container.volumeMounts.map((mount) => (mount.name === name ? { ...mount, ...change } : mount)),
    }));
  return [
    { name: title, without: (shipped) => withoutVolume(shipped, name) },
    ...(readOnly ? [] : [{ name: `${title}, to write`, without: changed({ readOnly: true }) }]),
    ...(mountPropagation === undefined
      ? []
      : [{ name: `${title}, ${mountPropagation}`, without: changed({ mountPropagation: 'None' }) }]),
  ];
}

function withoutVolume(shipped: Shipped, name: string): Shipped {
  const isOther = (each: { readonly name: string }) => each.name !== name;
  const left = withContainer(shipped, (container) => ({
    ...container,
    volumeMounts: container.volumeMounts.filter(isOther),
  }));
  return { ...left, spec: { ...left.spec, volumes: left.spec.volumes.filter(isOther) } };
}

/** Each verb on each resource. */
function ofRule(rule: PolicyRule): Right[] {
  return rule.resources.flatMap((resource) =>
    rule.verbs.map((verb) => ({
      name: `${verb} ${resource}`,
      without: (shipped) => ({ ...shipped, rules: shipped.rules.flatMap((each) => withoutVerb(each, resource, verb)) }),
    })),
  );
}

function withoutVerb(rule: PolicyRule, resource: string, verb: string): PolicyRule[] {
  if (!rule.resources.includes(resource)) return [rule];
  const others = rule.resources.filter((other) => other !== resource);
  const verbs = rule.verbs.filter((other) => other !== verb);
  return [
    { ...rule, resources: others },
    { ...rule, resources: [resource], verbs },
  ].filter(({ resources, verbs: left }) => resources.length > 0 && left.length > 0);
}

function hostPath(spec: AgentSpec, volume: string): string | undefined {
  return spec.volumes.find(({ name }) => name === volume)?.hostPath?.path;
}

function withContainer(shipped: Shipped, change: (container: AgentContainer) => AgentContainer): Shipped {
  return { ...shipped, spec: { ...shipped.spec, containers: [change(shipped.spec.containers[0])] } };
}
