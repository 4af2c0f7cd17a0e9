import type { AgentConfig } from '../agent/config/schema.ts';
import type { ExecutorName } from '../agent/executors/roles.ts';
import { type Listed, required, requiredIf, wished } from './check.ts';
import { engineCheck } from './checks/engine.ts';
import { exitInfoCheck, openat2Check, peerPidfdCheck, pidfdCheck } from './checks/kernel.ts';
import { apiCredentialsCheck, apiPodsCheck, kubeletCredentialsCheck, kubeletPodsCheck } from './checks/kubernetes.ts';
import {
  cgroupCheck,
  containerLogsCheck,
  kubeletCheck,
  podLogsCheck,
  runDirCheck,
  stateDirCheck,
} from './checks/places.ts';
import { hostPidCheck, killCheck, ptraceCheck, readSearchCheck, setgidCheck, setuidCheck } from './checks/rights.ts';

/** What the agent wants whatever its executor is: sockets, and to know who calls on them. */
const everyExecutor: readonly Listed[] = [
  required(openat2Check),
  required(pidfdCheck),
  wished(peerPidfdCheck),
  requiredIf(hostPidCheck, ({ callers }) => callers.witness === 'cgroup'),
  required(runDirCheck),
  required(stateDirCheck),
  requiredIf(kubeletCheck, ({ sockets }) => sockets.volumes.length > 0 && !sockets.hostPath),
];

const byLogs = ({ pns }: AgentConfig) => pns.podSource === 'node-logs';
const byDocker = ({ pns }: AgentConfig) => pns.podSource === 'docker';
const byKubelet = ({ pns }: AgentConfig) => pns.podSource === 'kubelet';
const byApi = ({ pns }: AgentConfig) => pns.podSource === 'k8sapi';

type Condition = Parameters<typeof requiredIf>[1];
const held: Condition = ({ emissary }) => emissary.hold;
const namedBy =
  (source: AgentConfig['emissary']['podSource']): Condition =>
  ({ emissary }) =>
    emissary.podSource === source;

/** What each executor wants of its node. An executor that is not here is not part of this build. */
export const wants: ReadonlyMap<ExecutorName, readonly Listed[]> = new Map<ExecutorName, readonly Listed[]>([
  [
    'docker',
    [
      ...everyExecutor,
      required(engineCheck),
      // It reads an ended container through the engine where it could not hold it.
      wished(cgroupCheck),
      wished(ptraceCheck),
      wished(readSearchCheck),
      wished(setuidCheck),
      wished(setgidCheck),
    ],
  ],
  [
    'pns',
    [
      ...everyExecutor,
      required(cgroupCheck),
      required(ptraceCheck),
      required(readSearchCheck),
      required(killCheck),
      required(setuidCheck),
      required(setgidCheck),
      requiredIf(podLogsCheck, byLogs),
      requiredIf(containerLogsCheck, byLogs),
      requiredIf(engineCheck, byDocker),
      requiredIf(kubeletCredentialsCheck, byKubelet),
      requiredIf(kubeletPodsCheck, byKubelet),
      requiredIf(apiCredentialsCheck, byApi),
      requiredIf(apiPodsCheck, byApi),
      wished(exitInfoCheck),
    ],
  ],
  [
    'emissary',
    [
      ...everyExecutor,
      required(kubeletCheck),
      requiredIf(kubeletCredentialsCheck, namedBy('kubelet')),
      requiredIf(kubeletPodsCheck, namedBy('kubelet')),
      requiredIf(apiCredentialsCheck, namedBy('k8sapi')),
      requiredIf(apiPodsCheck, namedBy('k8sapi')),
      requiredIf(engineCheck, namedBy('docker')),
      requiredIf(podLogsCheck, namedBy('node-logs')),
      requiredIf(containerLogsCheck, namedBy('node-logs')),
      ...[cgroupCheck, ptraceCheck, readSearchCheck, killCheck, setuidCheck, setgidCheck].map((check) =>
        requiredIf(check, held),
      ),
    ],
  ],
  ['kubelet', [...everyExecutor, required(kubeletCredentialsCheck), required(kubeletPodsCheck)]],
  ['k8sapi', [...everyExecutor, required(apiCredentialsCheck), required(apiPodsCheck)]],
]);
