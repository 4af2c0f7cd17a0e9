import type { Shipped } from './shipped.ts';

const ofPods = ['serviceAccountName', 'priorityClassName', 'enableServiceLinks', 'tolerations'];
const ofContainers = ['name', 'image', 'imagePullPolicy', 'args', 'env', 'ports', 'resources'];
const probes = ['startupProbe', 'readinessProbe', 'livenessProbe'];

/** What a manifest has beyond a common, confined pod, as text; none where its rights are all taken from it. */
export function beyondHarmless({ spec, rules, annotations }: Shipped): string[] {
  const { containers, volumes, terminationGracePeriodSeconds: _, ...pod } = spec;
  const [{ securityContext, volumeMounts, ...container }] = containers;
  const { capabilities, runAsUser, seccompProfile, ...security } = securityContext;
  return [
    ...others(pod, ofPods),
    ...others(container, [...ofContainers, ...probes]),
    ...others(security, ['readOnlyRootFilesystem']),
    ...others(annotations, ['prometheus.io/scrape', 'prometheus.io/port']),
    ...(containers.length === 1 ? [] : ['another container']),
    ...[...volumes, ...volumeMounts].map(({ name }) => `volume ${name}`),
    ...(capabilities.add ?? []),
    ...(`${capabilities.drop}` === 'ALL' ? [] : ['capabilities of the runtime']),
    ...(runAsUser === 0 ? ['uid 0'] : []),
    ...(`${seccompProfile?.type}` === 'RuntimeDefault' ? [] : ['no seccomp profile']),
    ...(security.allowPrivilegeEscalation === false ? [] : ['allowPrivilegeEscalation']),
    ...(security.readOnlyRootFilesystem === true ? [] : ['a root file system to write']),
    ...(JSON.stringify(container.ports ?? []).includes('hostPort') ? ['a port of the host'] : []),
    ...rules.map((rule) => JSON.stringify(rule)),
  ];
}

/** Fields that are set, and are none of those. */
function others(fields: object, known: readonly string[]): string[] {
  return Object.entries(fields)
    .filter(([name, value]) => value !== false && !known.includes(name))
    .map(([name]) => name);
}
