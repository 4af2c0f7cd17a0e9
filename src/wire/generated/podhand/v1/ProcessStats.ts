// Original file: proto/podhand/v1/executor.proto

import type { Long } from '@grpc/proto-loader';

export interface ProcessStats {
  'pid'?: (number);
  'command'?: (string);
  'cpuPercent'?: (number | string);
  'memoryBytes'?: (number | string | Long);
}

export interface ProcessStats__Output {
  'pid': (number);
  'command': (string);
  'cpuPercent': (number);
  'memoryBytes': (number);
}
