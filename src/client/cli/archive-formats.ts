/** The formats by the names that options and specs use, with the contract's name and the usual file ending. */
export const archiveFormats = {
  raw: { format: 'ARCHIVE_FORMAT_RAW', ending: '' },
  tar: { format: 'ARCHIVE_FORMAT_TAR', ending: '.tar' },
  tgz: { format: 'ARCHIVE_FORMAT_TAR_GZIP', ending: '.tgz' },
  zst: { format: 'ARCHIVE_FORMAT_TAR_ZSTD', ending: '.tar.zst' },
} as const;

export type FormatName = keyof typeof archiveFormats;
export const formatNames = Object.keys(archiveFormats) as readonly FormatName[];
