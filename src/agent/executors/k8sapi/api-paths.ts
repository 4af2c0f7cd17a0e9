import type { ContainerPaths } from '../../kubernetes/node-pods.ts';
import { pathOf } from '../../kubernetes/path.ts';

const pods = ['api', 'v1', 'pods'];

/** The API server's paths for the containers of a pod. They name a pod by its name alone. */
export const apiPaths: ContainerPaths = {
  log: ({ namespace, podName, container }, { follow, previous, tailLines, sinceTime }) =>
    pathOf(['api', 'v1', 'namespaces', namespace, 'pods', podName, 'log'], {
      container,
      timestamps: 'true',
      follow: String(follow),
      previous: previous ? 'true' : undefined,
      tailLines: tailLines?.toString(),
      sinceTime,
    }),
  exec: ({ namespace, podName, container }, argv) =>
    pathOf(['api', 'v1', 'namespaces', namespace, 'pods', podName, 'exec'], {
      container,
      command: argv,
      stdout: '1',
      stderr: '1',
    }),
};

/** One page of the pods of a node. */
export function listPath(nodeName: string, limit: number, next: string | undefined): string {
  return pathOf(pods, { fieldSelector: `spec.nodeName=${nodeName}`, limit: String(limit), continue: next });
}

/** The changes since a version; the server ends the answer after `withinSeconds`. */
export function watchPath(nodeName: string, resourceVersion: string, withinSeconds: number): string {
  return pathOf(pods, {
    watch: '1',
    fieldSelector: `spec.nodeName=${nodeName}`,
    resourceVersion,
    allowWatchBookmarks: 'true',
    timeoutSeconds: String(withinSeconds),
  });
}
