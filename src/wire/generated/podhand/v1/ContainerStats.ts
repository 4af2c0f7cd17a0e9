// Original file: proto/podhand/v1/executor.proto

import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from '../../google/protobuf/Timestamp.ts';
import type { Usage as _podhand_v1_Usage, Usage__Output as _podhand_v1_Usage__Output } from '../../podhand/v1/Usage.ts';
import type { ProcessStats as _podhand_v1_ProcessStats, ProcessStats__Output as _podhand_v1_ProcessStats__Output } from '../../podhand/v1/ProcessStats.ts';

export interface ContainerStats {
  'container'?: (string);
  'time'?: (_google_protobuf_Timestamp | null);
  'usage'?: (_podhand_v1_Usage | null);
  'cpuCores'?: (number | string);
  'processes'?: (_podhand_v1_ProcessStats)[];
  '_cpuCores'?: "cpuCores";
}

export interface ContainerStats__Output {
  'container': (string);
  'time': (_google_protobuf_Timestamp__Output | null);
  'usage': (_podhand_v1_Usage__Output | null);
  'cpuCores'?: (number);
  'processes': (_podhand_v1_ProcessStats__Output)[];
  '_cpuCores'?: "cpuCores";
}
