// Original file: proto/podhand/v1/executor.proto

import type { FileType as _podhand_v1_FileType, FileType__Output as _podhand_v1_FileType__Output } from '../../podhand/v1/FileType.ts';
import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from '../../google/protobuf/Timestamp.ts';
import type { Long } from '@grpc/proto-loader';

export interface FileInfo {
  'type'?: (_podhand_v1_FileType);
  'size'?: (number | string | Long);
  'mode'?: (number);
  'uid'?: (number);
  'gid'?: (number);
  'modifiedAt'?: (_google_protobuf_Timestamp | null);
}

export interface FileInfo__Output {
  'type': (_podhand_v1_FileType__Output);
  'size': (number);
  'mode': (number);
  'uid': (number);
  'gid': (number);
  'modifiedAt': (_google_protobuf_Timestamp__Output | null);
}
