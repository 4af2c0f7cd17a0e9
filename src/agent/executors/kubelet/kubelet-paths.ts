import type { ContainerPaths } from '../../kubernetes/node-pods.ts';
import { pathOf } from '../../kubernetes/path.ts';

export const podsPath = '/pods';

/** The kubelet's own API. All of it is `nodes/proxy` to RBAC, before Kubernetes 1.33 told `/pods` and logs apart. */
export const kubeletPaths: ContainerPaths = {
  log: ({ namespace, podName, container }, { follow, previous, tailLines, sinceTime }) =>
    pathOf(['containerLogs', namespace, podName, container], {
      timestamps: 'true',
      follow: String(follow),
      previous: previous ? 'true' : undefined,
      tailLines: tailLines?.toString(),
      sinceTime,
    }),
  exec: ({ namespace, podName, podUid, container }, argv) =>
    pathOf(['exec', namespace, podName, podUid, container], { command: argv, output: '1', error: '1' }),
};
