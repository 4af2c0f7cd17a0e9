// Original file: proto/podhand/v1/executor.proto

import type { Long } from '@grpc/proto-loader';

export interface SaveProgress {
  'bytes'?: (number | string | Long);
  'totalBytes'?: (number | string | Long);
  'entries'?: (number | string | Long);
}

export interface SaveProgress__Output {
  'bytes': (number);
  'totalBytes': (number);
  'entries': (number);
}
