// Original file: proto/podhand/v1/executor.proto

import type { FileInfo as _podhand_v1_FileInfo, FileInfo__Output as _podhand_v1_FileInfo__Output } from '../../podhand/v1/FileInfo.ts';
import type { ArchiveFormat as _podhand_v1_ArchiveFormat, ArchiveFormat__Output as _podhand_v1_ArchiveFormat__Output } from '../../podhand/v1/ArchiveFormat.ts';

export interface ArtifactHeader {
  'info'?: (_podhand_v1_FileInfo | null);
  'format'?: (_podhand_v1_ArchiveFormat);
}

export interface ArtifactHeader__Output {
  'info': (_podhand_v1_FileInfo__Output | null);
  'format': (_podhand_v1_ArchiveFormat__Output);
}
