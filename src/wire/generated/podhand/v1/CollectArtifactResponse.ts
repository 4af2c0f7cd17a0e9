// Original file: proto/podhand/v1/executor.proto

import type { ArtifactHeader as _podhand_v1_ArtifactHeader, ArtifactHeader__Output as _podhand_v1_ArtifactHeader__Output } from '../../podhand/v1/ArtifactHeader.ts';
import type { ArtifactTrailer as _podhand_v1_ArtifactTrailer, ArtifactTrailer__Output as _podhand_v1_ArtifactTrailer__Output } from '../../podhand/v1/ArtifactTrailer.ts';

export interface CollectArtifactResponse {
  'header'?: (_podhand_v1_ArtifactHeader | null);
  'chunk'?: (Buffer | Uint8Array | string);
  'trailer'?: (_podhand_v1_ArtifactTrailer | null);
  'part'?: "header"|"chunk"|"trailer";
}

export interface CollectArtifactResponse__Output {
  'header'?: (_podhand_v1_ArtifactHeader__Output | null);
  'chunk'?: (Buffer);
  'trailer'?: (_podhand_v1_ArtifactTrailer__Output | null);
  'part'?: "header"|"chunk"|"trailer";
}
