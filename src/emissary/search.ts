/** Where a command is looked up if the container has no PATH at all: what runtimes give by default. */
export const defaultPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/**
 * The files to try for a command, in order. A name with a slash is a path, from the working directory; any other is
 * looked up in PATH, an empty element of which is the working directory.
 */
export function candidates(command: string, path: string | undefined): string[] {
  if (command === '' || command.includes('/')) return [command];
  return (path ?? defaultPath).split(':').map((directory) => (directory === '' ? command : join(directory, command)));
}

function join(directory: string, name: string): string {
  return directory.endsWith('/') ? directory + name : `${directory}/${name}`;
}
