// Original file: proto/podhand/v1/executor.proto

import type { Duration as _google_protobuf_Duration, Duration__Output as _google_protobuf_Duration__Output } from '../../google/protobuf/Duration.ts';

export interface WatchStatsRequest {
  'containers'?: (string)[];
  'interval'?: (_google_protobuf_Duration | null);
  'once'?: (boolean);
}

export interface WatchStatsRequest__Output {
  'containers': (string)[];
  'interval': (_google_protobuf_Duration__Output | null);
  'once': (boolean);
}
