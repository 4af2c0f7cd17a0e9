// Original file: proto/podhand/v1/executor.proto

export const ArchiveFormat = {
  ARCHIVE_FORMAT_UNSPECIFIED: 'ARCHIVE_FORMAT_UNSPECIFIED',
  ARCHIVE_FORMAT_RAW: 'ARCHIVE_FORMAT_RAW',
  ARCHIVE_FORMAT_TAR: 'ARCHIVE_FORMAT_TAR',
  ARCHIVE_FORMAT_TAR_GZIP: 'ARCHIVE_FORMAT_TAR_GZIP',
  ARCHIVE_FORMAT_TAR_ZSTD: 'ARCHIVE_FORMAT_TAR_ZSTD',
} as const;

export type ArchiveFormat =
  | 'ARCHIVE_FORMAT_UNSPECIFIED'
  | 0
  | 'ARCHIVE_FORMAT_RAW'
  | 1
  | 'ARCHIVE_FORMAT_TAR'
  | 2
  | 'ARCHIVE_FORMAT_TAR_GZIP'
  | 3
  | 'ARCHIVE_FORMAT_TAR_ZSTD'
  | 4

export type ArchiveFormat__Output = typeof ArchiveFormat[keyof typeof ArchiveFormat]
