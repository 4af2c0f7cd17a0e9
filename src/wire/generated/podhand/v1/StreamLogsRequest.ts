// Original file: proto/podhand/v1/executor.proto

import type { LogStream as _podhand_v1_LogStream, LogStream__Output as _podhand_v1_LogStream__Output } from '../../podhand/v1/LogStream.ts';
import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from '../../google/protobuf/Timestamp.ts';
import type { Long } from '@grpc/proto-loader';

export interface StreamLogsRequest {
  'container'?: (string);
  'stream'?: (_podhand_v1_LogStream);
  'follow'?: (boolean);
  'tailLines'?: (number | string | Long);
  'since'?: (_google_protobuf_Timestamp | null);
  'cursor'?: (Buffer | Uint8Array | string);
  'timestamps'?: (boolean);
  'untilKnown'?: (boolean);
  'previous'?: (boolean);
  '_tailLines'?: "tailLines";
}

export interface StreamLogsRequest__Output {
  'container': (string);
  'stream': (_podhand_v1_LogStream__Output);
  'follow': (boolean);
  'tailLines'?: (number);
  'since': (_google_protobuf_Timestamp__Output | null);
  'cursor': (Buffer);
  'timestamps': (boolean);
  'untilKnown': (boolean);
  'previous': (boolean);
  '_tailLines'?: "tailLines";
}
