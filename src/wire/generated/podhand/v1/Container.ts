// Original file: proto/podhand/v1/executor.proto

import type { ContainerKind as _podhand_v1_ContainerKind, ContainerKind__Output as _podhand_v1_ContainerKind__Output } from '../../podhand/v1/ContainerKind.ts';
import type { ContainerState as _podhand_v1_ContainerState, ContainerState__Output as _podhand_v1_ContainerState__Output } from '../../podhand/v1/ContainerState.ts';
import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from '../../google/protobuf/Timestamp.ts';
import type { FinalRecord as _podhand_v1_FinalRecord, FinalRecord__Output as _podhand_v1_FinalRecord__Output } from '../../podhand/v1/FinalRecord.ts';

export interface Container {
  'name'?: (string);
  'containerId'?: (string);
  'image'?: (string);
  'imageId'?: (string);
  'kind'?: (_podhand_v1_ContainerKind);
  'state'?: (_podhand_v1_ContainerState);
  'reason'?: (string);
  'restartCount'?: (number);
  'createdAt'?: (_google_protobuf_Timestamp | null);
  'startedAt'?: (_google_protobuf_Timestamp | null);
  'finalRecord'?: (_podhand_v1_FinalRecord | null);
}

export interface Container__Output {
  'name': (string);
  'containerId': (string);
  'image': (string);
  'imageId': (string);
  'kind': (_podhand_v1_ContainerKind__Output);
  'state': (_podhand_v1_ContainerState__Output);
  'reason': (string);
  'restartCount': (number);
  'createdAt': (_google_protobuf_Timestamp__Output | null);
  'startedAt': (_google_protobuf_Timestamp__Output | null);
  'finalRecord': (_podhand_v1_FinalRecord__Output | null);
}
