// Original file: proto/podhand/v1/executor.proto

import type { ArchiveFormat as _podhand_v1_ArchiveFormat, ArchiveFormat__Output as _podhand_v1_ArchiveFormat__Output } from '../../podhand/v1/ArchiveFormat.ts';
import type { Long } from '@grpc/proto-loader';

export interface CollectArtifactRequest {
  'container'?: (string);
  'path'?: (Buffer | Uint8Array | string);
  'format'?: (_podhand_v1_ArchiveFormat);
  'compressionLevel'?: (number);
  'maxBytes'?: (number | string | Long);
}

export interface CollectArtifactRequest__Output {
  'container': (string);
  'path': (Buffer);
  'format': (_podhand_v1_ArchiveFormat__Output);
  'compressionLevel': (number);
  'maxBytes': (number);
}
