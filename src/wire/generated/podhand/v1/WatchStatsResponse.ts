// Original file: proto/podhand/v1/executor.proto

import type { ContainerStats as _podhand_v1_ContainerStats, ContainerStats__Output as _podhand_v1_ContainerStats__Output } from '../../podhand/v1/ContainerStats.ts';

export interface WatchStatsResponse {
  'stats'?: (_podhand_v1_ContainerStats)[];
}

export interface WatchStatsResponse__Output {
  'stats': (_podhand_v1_ContainerStats__Output)[];
}
