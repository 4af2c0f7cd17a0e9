import type { AgentConfig } from '../agent/config/schema.ts';
import type { ExecutorName } from '../agent/executors/roles.ts';
import { type Listed, required, requiredIf, wished } from './check.ts';
import { engineCheck } from './checks/engine.ts';
import { exitInfoCheck, openat2Check, peerPidfdCheck, pidfdCheck } from './checks/kernel.ts';
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
  required(hostPidCheck),
  required(runDirCheck),
  required(stateDirCheck),
  requiredIf(kubeletCheck, ({ sockets }) => sockets.volumes.length > 0 && !sockets.hostPath),
];

const byLogs = ({ pns }: AgentConfig) => pns.podSource === 'node-logs';
const byDocker = ({ pns }: AgentConfig) => pns.podSource === 'docker';

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
      wished(exitInfoCheck),
    ],
  ],
]);
