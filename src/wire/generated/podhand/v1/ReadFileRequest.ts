// Original file: proto/podhand/v1/executor.proto

import type { Long } from '@grpc/proto-loader';

export interface ReadFileRequest {
  'container'?: (string);
  'path'?: (Buffer | Uint8Array | string);
  'maxBytes'?: (number | string | Long);
}

export interface ReadFileRequest__Output {
  'container': (string);
  'path': (Buffer);
  'maxBytes': (number);
}
