// Original file: proto/podhand/v1/executor.proto

import type { FileInfo as _podhand_v1_FileInfo, FileInfo__Output as _podhand_v1_FileInfo__Output } from '../../podhand/v1/FileInfo.ts';

export interface ReadFileResponse {
  'info'?: (_podhand_v1_FileInfo | null);
  'chunk'?: (Buffer | Uint8Array | string);
  'part'?: "info"|"chunk";
}

export interface ReadFileResponse__Output {
  'info'?: (_podhand_v1_FileInfo__Output | null);
  'chunk'?: (Buffer);
  'part'?: "info"|"chunk";
}
