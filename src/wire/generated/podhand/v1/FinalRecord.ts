// Original file: proto/podhand/v1/executor.proto

import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from '../../google/protobuf/Timestamp.ts';
import type { Usage as _podhand_v1_Usage, Usage__Output as _podhand_v1_Usage__Output } from '../../podhand/v1/Usage.ts';

export interface FinalRecord {
  'container'?: (string);
  'containerId'?: (string);
  'restartCount'?: (number);
  'exitKnown'?: (boolean);
  'exitCode'?: (number);
  'signal'?: (number);
  'oomKilled'?: (boolean);
  'startedAt'?: (_google_protobuf_Timestamp | null);
  'finishedAt'?: (_google_protobuf_Timestamp | null);
  'unknownReason'?: (string);
  'message'?: (string);
  'usage'?: (_podhand_v1_Usage | null);
  'source'?: (string);
  'notKept'?: (string);
}

export interface FinalRecord__Output {
  'container': (string);
  'containerId': (string);
  'restartCount': (number);
  'exitKnown': (boolean);
  'exitCode': (number);
  'signal': (number);
  'oomKilled': (boolean);
  'startedAt': (_google_protobuf_Timestamp__Output | null);
  'finishedAt': (_google_protobuf_Timestamp__Output | null);
  'unknownReason': (string);
  'message': (string);
  'usage': (_podhand_v1_Usage__Output | null);
  'source': (string);
  'notKept': (string);
}
