import type { ContainerKind, Pod } from '../../../pods/model.ts';

/** The label that makes a container one of a pod; the engine filters lists and events by it. */
export const podUidLabel = 'io.kubernetes.pod.uid';
/** Not of Kubernetes, which does not tell a runtime the kind: for pods that are made without it. */
export const kindLabel = 'podhand.dev/container-kind';

const maxRestartCount = 1_000_000;

/** What the labels of a container say about its place in a pod. */
export interface PodPlace {
  readonly pod: Pod;
  /** Absent for the sandbox, which holds the pod's namespaces and is no container of its spec. */
  readonly name?: string;
  readonly kind: ContainerKind;
  readonly restartCount?: number;
}

/**
 * Reads the labels that a kubelet with dockershim sets. undefined where they do not name a pod and a container in the
 * form that Kubernetes gives them: these names become file names and log lines, so that nothing else is taken.
 */
export function podPlace(labels: Readonly<Record<string, string>>): PodPlace | undefined {
  const uid = labels[podUidLabel];
  const namespace = labels['io.kubernetes.pod.namespace'];
  const podName = labels['io.kubernetes.pod.name'];
  const name = labels['io.kubernetes.container.name'];
  if (uid === undefined || namespace === undefined || podName === undefined) return undefined;
  if (!/^[0-9A-Za-z][0-9A-Za-z-]{0,127}$/.test(uid) || !isName(namespace) || !isName(podName)) return undefined;
  const pod = { uid, namespace, name: podName, labels: ownLabels(labels) };
  if (isSandbox(labels)) return { pod, kind: 'regular' };
  if (name === undefined || !isName(name)) return undefined;
  const restartCount = count(labels['annotation.io.kubernetes.container.restartCount']);
  return { pod, name, kind: kindOf(labels[kindLabel]), ...(restartCount !== undefined && { restartCount }) };
}

/** Whether this is the container that holds a pod's namespaces. */
function isSandbox(labels: Readonly<Record<string, string>>): boolean {
  return labels['io.kubernetes.docker.type'] === 'podsandbox' || labels['io.kubernetes.container.name'] === 'POD';
}

/** Set by a kubelet for itself, all of them or none. */
export function isOfKubernetes(label: string): boolean {
  return /^(io\.kubernetes|annotation)\./.test(label);
}

/** The pod's own: a kubelet copies them to the sandbox; where there is none, those of the first container count. */
function ownLabels(labels: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(labels).filter(([key]) => !isOfKubernetes(key)));
}

/** A DNS subdomain, upper case let through. */
function isName(value: string): boolean {
  return value.length <= 253 && /^[0-9A-Za-z]([-.0-9A-Za-z]*[0-9A-Za-z])?$/.test(value);
}

function count(value: string | undefined): number | undefined {
  if (value === undefined || !/^\d{1,7}$/.test(value)) return undefined;
  return Math.min(Number(value), maxRestartCount);
}

function kindOf(value: string | undefined): ContainerKind {
  return value === 'init' || value === 'sidecar' || value === 'ephemeral' ? value : 'regular';
}
