import type { Files } from '../system.ts';

/** Makes `path` below `volume`, with the directories above it, complete or not at all: `fill` writes into a file that is renamed. */
export function writeWholeFile(files: Files, volume: string, path: string, fill: (fd: number) => void): void {
  const parts = path.split('/');
  const name = parts.pop() ?? '';
  let directory = volume;
  for (const part of parts) {
    directory += `/${part}`;
    files.makeDirectory(directory, 0o777);
  }
  const temporary = `${directory}/.podhand-saving`;
  files.remove(temporary);
  const fd = files.open(temporary, 'new', 0o644);
  try {
    try {
      fill(fd);
    } finally {
      files.close(fd);
    }
    files.rename(temporary, `${directory}/${name}`);
  } catch (error) {
    files.remove(temporary);
    throw error;
  }
}
