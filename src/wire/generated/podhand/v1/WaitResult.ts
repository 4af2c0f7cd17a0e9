// Original file: proto/podhand/v1/executor.proto

import type { FinalRecord as _podhand_v1_FinalRecord, FinalRecord__Output as _podhand_v1_FinalRecord__Output } from '../../podhand/v1/FinalRecord.ts';

export interface WaitResult {
  'records'?: (_podhand_v1_FinalRecord)[];
}

export interface WaitResult__Output {
  'records': (_podhand_v1_FinalRecord__Output)[];
}
