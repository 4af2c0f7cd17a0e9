// Original file: proto/podhand/v1/executor.proto

import type { SaveProgress as _podhand_v1_SaveProgress, SaveProgress__Output as _podhand_v1_SaveProgress__Output } from '../../podhand/v1/SaveProgress.ts';
import type { ArtifactTrailer as _podhand_v1_ArtifactTrailer, ArtifactTrailer__Output as _podhand_v1_ArtifactTrailer__Output } from '../../podhand/v1/ArtifactTrailer.ts';

export interface SaveArtifactResponse {
  'progress'?: (_podhand_v1_SaveProgress | null);
  'result'?: (_podhand_v1_ArtifactTrailer | null);
  'event'?: "progress"|"result";
}

export interface SaveArtifactResponse__Output {
  'progress'?: (_podhand_v1_SaveProgress__Output | null);
  'result'?: (_podhand_v1_ArtifactTrailer__Output | null);
  'event'?: "progress"|"result";
}
