import { join } from 'node:path';
import { runDir } from './cache.ts';
import { ensureFiles } from './debian.ts';
import { sweepPods } from './leftovers.ts';
import { NamespacePod } from './namespaces/pod.ts';
import { Supervision } from './namespaces/supervision.ts';
import { podIdentity } from './pod-identity.ts';
import type { PodOptions, TestPod, TestRuntime } from './pods.ts';

export interface NamespaceRuntimeOptions {
  readonly kubeletDir?: string;
  readonly socketsDir?: string;
  /** Below it `pods` and `containers`, which are /var/log/pods and /var/log/containers of a node. */
  readonly logDir?: string;
}

/**
 * Pods of plain namespaces and cgroups: no engine, no image store, only util-linux, busybox and this Node. To an agent
 * that reads procfs, cgroups and log files it is a node with a kubelet and a CRI runtime. Takes root.
 */
export class NamespaceRuntime implements TestRuntime {
  readonly name = 'namespaces';
  readonly kubeletDir: string;
  readonly socketsDir: string;
  readonly logDir: string;
  readonly #supervision = new Supervision();
  readonly #pods = new Set<NamespacePod>();

  private constructor(options: NamespaceRuntimeOptions) {
    this.kubeletDir = options.kubeletDir ?? join(runDir, 'kubelet');
    this.socketsDir = options.socketsDir ?? join(runDir, 'podhand', String(process.pid), 'pods');
    this.logDir = options.logDir ?? join(runDir, 'log');
  }

  /** Also removes what runs that ended without cleaning up have left. */
  static async open(options: NamespaceRuntimeOptions = {}): Promise<NamespaceRuntime> {
    if (process.getuid?.() !== 0) throw new Error('pods of plain namespaces need root');
    await ensureFiles(['/usr/bin/unshare', '/usr/sbin/pivot_root', '/usr/bin/nsenter'], ['util-linux']);
    await ensureFiles(['/usr/bin/busybox'], ['busybox-static']);
    await sweepPods();
    return new NamespaceRuntime(options);
  }

  async pod(options: PodOptions = {}): Promise<TestPod> {
    const pod = new NamespacePod(this, this.#supervision, podIdentity(options));
    await pod.record();
    this.#pods.add(pod);
    if (options.sandbox) await pod.startSandbox();
    return pod;
  }

  async close(): Promise<void> {
    for (const pod of this.#pods) await pod.remove();
    this.#pods.clear();
    await this.#supervision.close();
  }
}
