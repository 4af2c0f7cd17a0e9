import { mkdir } from 'node:fs/promises';
import { cacheDir, runDir } from '../node/cache.ts';
import { must } from '../node/processes.ts';
import { Daemon, marker } from './daemon.ts';
import type { ClusterRuntime, Places } from './places.ts';

/**
 * Paths that a kubelet and its runtime have no choice about, or would write to by default, are the cluster's own in
 * there, and so is what pods get as hostPath: /run, /var/lib (with /var/lib/kubelet) and /var/log. Kernel settings that
 * a kubelet changes for the whole machine are files of ours instead.
 * Only the kubelet's directory is shared, so that its mounts are seen outside, and nothing else of it is.
 */
const script = `
set -eu
c=$1; runs=$2; cache=$3; runtime=$4
case "$cache/" in
  /run/*|/var/lib/*|/var/log/*) echo "a cluster hides /run, /var/lib and /var/log: choose another PODHAND_CACHE" >&2; exit 1;;
esac
private=
for point in $(cut -d' ' -f5 /proc/self/mountinfo); do
  [ "$point" = "$c/kubelet" ] && continue
  mount -n --make-private "$point" 2>/dev/null && private="$private $point"
done
# A copy of a mount of another engine would keep its files busy. Only now: what is shared would be unmounted outside, too.
for point in $private; do
  case $point in "$runs"/*|"$cache"/*) umount --lazy "$point" 2>/dev/null || :;; esac
done
mkdir -p "$c/new-run" "$c/var-lib/kubelet" "$c/var-log"
mount -n -t tmpfs -o mode=755 run "$c/new-run"
mkdir -p "$c/new-run/\${c#/run/}"
mount -n --bind "$c" "$c/new-run/\${c#/run/}"
mount -n --bind "$c/kubelet" "$c/new-run/\${c#/run/}/kubelet"
mount -n --move "$c/new-run" /run
mount -n --bind "$c/var-lib" /var/lib
mount -n --bind "$c/kubelet" /var/lib/kubelet
mount -n --bind "$c/var-log" /var/log
mkdir -p "$c/kernel"
# dockerd would wait for it, were it there and nobody listened.
if [ "$runtime" = containerd ]; then
  mkdir -p /run/containerd
  ln -s "$c/containerd.sock" /run/containerd/containerd.sock
fi
for setting in vm/overcommit_memory vm/panic_on_oom kernel/panic kernel/panic_on_oops \\
  kernel/keys/root_maxkeys kernel/keys/root_maxbytes net/ipv4/ip_forward \\
  net/bridge/bridge-nf-call-iptables net/bridge/bridge-nf-call-ip6tables; do
  [ -e "/proc/sys/$setting" ] || continue
  file="$c/kernel/$(echo $setting | tr / .)"
  cat "/proc/sys/$setting" > "$file"
  mount -n --bind "$file" "/proc/sys/$setting"
done
echo ready > "$c/namespace"
exec tail -f "$c/namespace"
`;

/** The mount namespace that kubelet and runtime of a cluster share: their node. A process of its own keeps it. */
export class NodeNamespace {
  readonly keeper: Daemon;
  readonly #places: Places;

  constructor(places: Places, runtime: ClusterRuntime) {
    this.#places = places;
    const { run } = places;
    const args = [run, runDir, cacheDir(), runtime];
    this.keeper = new Daemon({
      name: 'node',
      cluster: places.name,
      run,
      argv: async () => ['unshare', '--mount', '--propagation', 'unchanged', '/bin/sh', '-c', script, 'node', ...args],
      ready: async () => (await must(['cat', places.at('namespace')]).catch(() => '')) === 'ready\n',
    });
  }

  async start(): Promise<void> {
    const { kubelet } = this.#places;
    await mkdir(kubelet, { recursive: true });
    await must(['mount', '--bind', kubelet, kubelet]);
    await must(['mount', '--make-private', kubelet]);
    await must(['mount', '--make-shared', kubelet]);
    await this.keeper.start();
  }

  /** A command line that runs another one on the node: in its mount namespace. */
  async enter(argv: readonly string[]): Promise<string[]> {
    return [...(await this.prefix()), ...argv];
  }

  async prefix(): Promise<string[]> {
    const pid = await this.keeper.pid();
    if (pid === undefined) throw new Error(`the node of cluster ${this.#places.name} is gone`);
    return ['nsenter', `--mount=/proc/${pid}/ns/mnt`, '--', 'env', `${marker}=${this.#places.name}`];
  }
}
