// Original file: proto/podhand/v1/executor.proto

import type { KillOutcome as _podhand_v1_KillOutcome, KillOutcome__Output as _podhand_v1_KillOutcome__Output } from '../../podhand/v1/KillOutcome.ts';

export interface KillResponse {
  'outcomes'?: (_podhand_v1_KillOutcome)[];
}

export interface KillResponse__Output {
  'outcomes': (_podhand_v1_KillOutcome__Output)[];
}
