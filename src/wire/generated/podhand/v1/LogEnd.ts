// Original file: proto/podhand/v1/executor.proto

import type { Long } from '@grpc/proto-loader';

export interface LogEnd {
  'stdoutBytes'?: (number | string | Long);
  'stderrBytes'?: (number | string | Long);
}

export interface LogEnd__Output {
  'stdoutBytes': (number);
  'stderrBytes': (number);
}
