// Original file: proto/podhand/v1/executor.proto

import type { Container as _podhand_v1_Container, Container__Output as _podhand_v1_Container__Output } from '../../podhand/v1/Container.ts';
import type { WaitResult as _podhand_v1_WaitResult, WaitResult__Output as _podhand_v1_WaitResult__Output } from '../../podhand/v1/WaitResult.ts';

export interface WaitResponse {
  'changed'?: (_podhand_v1_Container | null);
  'result'?: (_podhand_v1_WaitResult | null);
  'event'?: "changed"|"result";
}

export interface WaitResponse__Output {
  'changed'?: (_podhand_v1_Container__Output | null);
  'result'?: (_podhand_v1_WaitResult__Output | null);
  'event'?: "changed"|"result";
}
