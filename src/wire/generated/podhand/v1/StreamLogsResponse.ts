// Original file: proto/podhand/v1/executor.proto

import type { LogChunk as _podhand_v1_LogChunk, LogChunk__Output as _podhand_v1_LogChunk__Output } from '../../podhand/v1/LogChunk.ts';
import type { LogEnd as _podhand_v1_LogEnd, LogEnd__Output as _podhand_v1_LogEnd__Output } from '../../podhand/v1/LogEnd.ts';

export interface StreamLogsResponse {
  'chunk'?: (_podhand_v1_LogChunk | null);
  'end'?: (_podhand_v1_LogEnd | null);
  'event'?: "chunk"|"end";
}

export interface StreamLogsResponse__Output {
  'chunk'?: (_podhand_v1_LogChunk__Output | null);
  'end'?: (_podhand_v1_LogEnd__Output | null);
  'event'?: "chunk"|"end";
}
