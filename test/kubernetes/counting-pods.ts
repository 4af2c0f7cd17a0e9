import { kubernetesTable, type openCluster } from '../conformance/cluster-flavours.ts';
import { openSubject, type Subject } from '../conformance/subject.ts';

export type Opened = Awaited<ReturnType<typeof openCluster>>;
export const executors = ['kubelet', 'k8sapi'] as const;

/** A line ten times a second, so that what is lost or doubled can be seen; TERM ends it with 3. */
export const counting = 'i=0; trap "exit 3" TERM; while :; do i=$((i+1)); echo $i; sleep 0.1; done';
export const lines = (text: Buffer) => text.toString().trimEnd().split('\n').map(Number);

/** An agent that reaches its pods by Kubernetes' own API. */
export function openOn(opened: Opened, executor: (typeof executors)[number]): Promise<Subject> {
  const settings = [`nodeName=${opened.cluster.nodeName}`, ...opened[executor]];
  return openSubject({
    executor,
    open: async () => ({ runtime: opened.runtime, settings, close: opened.close }),
    terminals: true,
    fixedPods: true,
    capabilities: kubernetesTable,
  });
}
