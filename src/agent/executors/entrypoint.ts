import { PodhandError } from '../../wire/errors.ts';
import type { ImageConfig } from './roles.ts';

/**
 * The argv that a kubelet makes of a container spec's `command` and `args` and the image's own configuration:
 * `command` replaces the image's ENTRYPOINT and also its CMD; `args` alone replace CMD only; with neither, it is
 * ENTRYPOINT and CMD. An empty list counts as not given. A shell-form instruction is stored by the image as
 * `["/bin/sh", "-c", ...]` and needs no rule of its own. `$(VAR)` references are left as they are: only the kubelet
 * knows the container's environment.
 * Errors: INVALID_REQUEST where nothing is left to run.
 */
export function kubernetesArgv(
  config: Pick<ImageConfig, 'image' | 'entrypoint' | 'cmd'>,
  command: readonly string[],
  args: readonly string[],
): string[] {
  const argv = [
    ...(command.length > 0 ? command : config.entrypoint),
    ...(args.length > 0 || command.length > 0 ? args : config.cmd),
  ];
  if (argv.length === 0) {
    throw new PodhandError(
      'INVALID_REQUEST',
      `image ${config.image} has neither an ENTRYPOINT nor a CMD: give a command`,
    );
  }
  return argv;
}
