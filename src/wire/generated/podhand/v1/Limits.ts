// Original file: proto/podhand/v1/executor.proto

import type { Long } from '@grpc/proto-loader';

export interface Limits {
  'maxFileBytes'?: (number | string | Long);
  'maxTreeBytes'?: (number | string | Long);
  'maxTreeEntries'?: (number | string | Long);
  'maxTreeDepth'?: (number);
  'maxStreamsPerPod'?: (number);
}

export interface Limits__Output {
  'maxFileBytes': (number);
  'maxTreeBytes': (number);
  'maxTreeEntries': (number);
  'maxTreeDepth': (number);
  'maxStreamsPerPod': (number);
}
