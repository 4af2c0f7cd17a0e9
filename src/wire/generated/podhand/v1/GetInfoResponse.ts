// Original file: proto/podhand/v1/executor.proto

import type { Pod as _podhand_v1_Pod, Pod__Output as _podhand_v1_Pod__Output } from '../../podhand/v1/Pod.ts';
import type { Capability as _podhand_v1_Capability, Capability__Output as _podhand_v1_Capability__Output } from '../../podhand/v1/Capability.ts';
import type { Limits as _podhand_v1_Limits, Limits__Output as _podhand_v1_Limits__Output } from '../../podhand/v1/Limits.ts';

export interface GetInfoResponse {
  'agentVersion'?: (string);
  'nodeName'?: (string);
  'pod'?: (_podhand_v1_Pod | null);
  'callerContainer'?: (string);
  'executor'?: (string);
  'capabilities'?: (_podhand_v1_Capability)[];
  'limits'?: (_podhand_v1_Limits | null);
}

export interface GetInfoResponse__Output {
  'agentVersion': (string);
  'nodeName': (string);
  'pod': (_podhand_v1_Pod__Output | null);
  'callerContainer': (string);
  'executor': (string);
  'capabilities': (_podhand_v1_Capability__Output)[];
  'limits': (_podhand_v1_Limits__Output | null);
}
