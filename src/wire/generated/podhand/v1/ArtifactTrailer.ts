// Original file: proto/podhand/v1/executor.proto

import type { Skipped as _podhand_v1_Skipped, Skipped__Output as _podhand_v1_Skipped__Output } from '../../podhand/v1/Skipped.ts';
import type { Long } from '@grpc/proto-loader';

export interface ArtifactTrailer {
  'size'?: (number | string | Long);
  'contentBytes'?: (number | string | Long);
  'entries'?: (number | string | Long);
  'sha256'?: (Buffer | Uint8Array | string);
  'skipped'?: (_podhand_v1_Skipped | null);
}

export interface ArtifactTrailer__Output {
  'size': (number);
  'contentBytes': (number);
  'entries': (number);
  'sha256': (Buffer);
  'skipped': (_podhand_v1_Skipped__Output | null);
}
