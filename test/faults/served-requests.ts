import type { Cluster } from '../cluster/cluster.ts';

/** Lists of the node's pods that its kubelet has served since it started, as it counts itself. */
export async function podLists(cluster: Cluster): Promise<number> {
  const text = await cluster.kubectl.must(['get', '--raw', `/api/v1/nodes/${cluster.nodeName}/proxy/metrics`]);
  return sum(text, /^kubelet_http_requests_total\{.*path="pods".*\} (\d+)/gm);
}

/** Watches of pods that the API server has open, as it counts itself. */
export async function podWatches(cluster: Cluster): Promise<number> {
  return sum(await apiMetrics(cluster), /^apiserver_longrunning_gauge\{.*resource="pods".*verb="WATCH".*\} (\d+)/gm);
}

/** Lists and watches of pods that the API server has been asked for since it started, as it counts itself. */
export async function podQueries(cluster: Cluster): Promise<number> {
  return sum(
    await apiMetrics(cluster),
    /^apiserver_request_total\{.*resource="pods",.*subresource="",verb="(?:LIST|WATCH)".*\} (\d+)/gm,
  );
}

async function apiMetrics(cluster: Cluster): Promise<string> {
  return await cluster.kubectl.must(['get', '--raw', '/metrics']);
}

function sum(text: string, line: RegExp): number {
  return [...text.matchAll(line)].reduce((total, [, value]) => total + Number(value), 0);
}
