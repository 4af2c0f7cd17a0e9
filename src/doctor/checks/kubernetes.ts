import { accessSync, constants } from 'node:fs';
import type { AgentConfig } from '../../agent/config/schema.ts';
import { listPath } from '../../agent/executors/k8sapi/api-paths.ts';
import { podsPath } from '../../agent/executors/kubelet/kubelet-paths.ts';
import { KubernetesEndpoint } from '../../agent/kubernetes/endpoint.ts';
import { statusOf } from '../../agent/kubernetes/status-error.ts';
import { hasErrno } from '../../agent/linux/syscalls.ts';
import type { Check, Finding } from '../check.ts';

type ServerName = 'kubelet' | 'k8sapi';

/** The agent's own credentials: readable, and so are they who made the server's certificate. */
function credentials(server: ServerName): Check {
  return {
    name: `${server} credentials`,
    run: (config) => {
      const { tokenFile, caFile } = config[server];
      for (const path of [tokenFile, caFile]) {
        try {
          accessSync(path, constants.R_OK);
        } catch (error) {
          if (!hasErrno(error, 'ENOENT', 'ENOTDIR', 'EACCES')) throw error;
          const remedy = `mount a service-account token, or set ${server}.tokenFile and ${server}.caFile`;
          return { ok: false, found: `${path}: ${(error as { code: string }).code}`, remedy };
        }
      }
      return { ok: true, found: tokenFile };
    },
  };
}

/** The smallest question that the executor asks, with the agent's own rights. */
function pods(server: ServerName, pathFor: (config: AgentConfig) => string): Check {
  return {
    name: `${server} pods`,
    run: async (config, signal): Promise<Finding> => {
      const { url } = config[server];
      if (url === '') return { ok: false, found: `${server}.url is not set`, remedy: `set ${server}.url, or nodeName` };
      const endpoint = new KubernetesEndpoint(config[server]);
      try {
        (await endpoint.stream(pathFor(config), signal)).close();
        return { ok: true, found: url };
      } catch (error) {
        return { ok: false, ...reasonOf(error, url) };
      } finally {
        await endpoint.close();
      }
    },
  };
}

function reasonOf(error: unknown, url: string): { found: string; remedy: string } {
  const status = statusOf(error);
  const code = (error as { code?: unknown } | null)?.code;
  const found = `${url}: ${status === undefined ? String(code ?? 'no answer') : `HTTP ${status}`}`;
  if (status === 401) return { found, remedy: 'the token is not of this cluster, or has ended' };
  if (status === 403) return { found, remedy: 'its RBAC does not allow this: see deploy/' };
  return { found, remedy: 'it has to be reached from here, with a certificate that the CA has made' };
}

export const kubeletCredentialsCheck = credentials('kubelet');
export const apiCredentialsCheck = credentials('k8sapi');
export const kubeletPodsCheck = pods('kubelet', () => podsPath);
export const apiPodsCheck = pods('k8sapi', ({ nodeName }) => listPath(nodeName, 1, undefined));
