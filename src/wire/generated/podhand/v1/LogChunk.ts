// Original file: proto/podhand/v1/executor.proto

import type { LogStream as _podhand_v1_LogStream, LogStream__Output as _podhand_v1_LogStream__Output } from '../../podhand/v1/LogStream.ts';
import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from '../../google/protobuf/Timestamp.ts';

export interface LogChunk {
  'stream'?: (_podhand_v1_LogStream);
  'data'?: (Buffer | Uint8Array | string);
  'time'?: (_google_protobuf_Timestamp | null);
  'cursor'?: (Buffer | Uint8Array | string);
}

export interface LogChunk__Output {
  'stream': (_podhand_v1_LogStream__Output);
  'data': (Buffer);
  'time': (_google_protobuf_Timestamp__Output | null);
  'cursor': (Buffer);
}
