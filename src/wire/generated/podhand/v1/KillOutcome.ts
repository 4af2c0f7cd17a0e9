// Original file: proto/podhand/v1/executor.proto

import type { KillResult as _podhand_v1_KillResult, KillResult__Output as _podhand_v1_KillResult__Output } from '../../podhand/v1/KillResult.ts';
import type { Duration as _google_protobuf_Duration, Duration__Output as _google_protobuf_Duration__Output } from '../../google/protobuf/Duration.ts';
import type { FinalRecord as _podhand_v1_FinalRecord, FinalRecord__Output as _podhand_v1_FinalRecord__Output } from '../../podhand/v1/FinalRecord.ts';

export interface KillOutcome {
  'container'?: (string);
  'result'?: (_podhand_v1_KillResult);
  'signals'?: (string)[];
  'took'?: (_google_protobuf_Duration | null);
  'finalRecord'?: (_podhand_v1_FinalRecord | null);
}

export interface KillOutcome__Output {
  'container': (string);
  'result': (_podhand_v1_KillResult__Output);
  'signals': (string)[];
  'took': (_google_protobuf_Duration__Output | null);
  'finalRecord': (_podhand_v1_FinalRecord__Output | null);
}
