// Original file: proto/podhand/v1/executor.proto

import type { Long } from '@grpc/proto-loader';

export interface Skipped {
  'fifos'?: (number | string | Long);
  'sockets'?: (number | string | Long);
  'devices'?: (number | string | Long);
  'mounts'?: (number | string | Long);
  'vanished'?: (number | string | Long);
}

export interface Skipped__Output {
  'fifos': (number);
  'sockets': (number);
  'devices': (number);
  'mounts': (number);
  'vanished': (number);
}
