import { type ContainerFiles, isName } from './container-files.ts';
import type { DirectoryWatch } from './directory-watch.ts';
import { Failure } from './failure.ts';
import type { Waiting } from './waiting.ts';

/** Waits until every container that this one depends on has ended with 0. Errors: DEPENDENCY_FAILED, TEMPLATE_INVALID. */
export async function awaitDependencies(
  names: readonly string[],
  files: ContainerFiles,
  watch: DirectoryWatch,
  waiting: Waiting,
): Promise<void> {
  const wrong = names.find((name) => !isName(name));
  if (wrong !== undefined) throw new Failure('TEMPLATE_INVALID', `dependency "${wrong}" is no name of a container`);
  if (names.length === 0) return;
  // Containers whose own emissary has not started yet appear here.
  watch.add(files.directoryOf(''));
  await waiting.until(() => {
    // Watched first, asked then: an exit code that comes in between is seen.
    for (const name of names) watch.add(files.directoryOf(name));
    const codes = names.map((name) => files.exitCodeOf(name));
    const failed = codes.findIndex((code) => code !== undefined && code !== 0);
    if (failed >= 0) {
      const what = `container "${names[failed]}", on which this one depends, exited with ${codes[failed]}`;
      throw new Failure('DEPENDENCY_FAILED', `${what}; the command was not started`);
    }
    return codes.every((code) => code === 0) ? true : undefined;
  });
}
