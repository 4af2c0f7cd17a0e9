// Original file: proto/podhand/v1/executor.proto

import type { Duration as _google_protobuf_Duration, Duration__Output as _google_protobuf_Duration__Output } from '../../google/protobuf/Duration.ts';

export interface KillRequest {
  'containers'?: (string)[];
  'signal'?: (string);
  'gracePeriod'?: (_google_protobuf_Duration | null);
  'once'?: (boolean);
}

export interface KillRequest__Output {
  'containers': (string)[];
  'signal': (string);
  'gracePeriod': (_google_protobuf_Duration__Output | null);
  'once': (boolean);
}
