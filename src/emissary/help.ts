export const help = `podhand-emissary [OPTIONS] -- COMMAND [ARGS...]
podhand-emissary kill SIGNAL PID

Starts the command in a process group of its own, passes signals on to it, reaps orphans, and exits as it exits: with
its exit code, or with 128 + n where signal n ended it.

With a container name it also keeps the file protocol in the pod's shared volume, so that others see the exit code,
stop the command, and find its output, parameters and artifacts.

Options:
  --container NAME        the container (default: env ARGO_CONTAINER_NAME; without it there are no files)
  --dir PATH              the shared volume (default: /var/run/argo)
  --capture               keep stdout, stderr and both combined in files; the output goes its usual way as well
  --termination-log PATH  where a reason goes (default: /dev/termination-log; never created)
  --help, --version

Exit status: the command's own; 126 not executable; 127 not found; 64 podhand-emissary itself failed; 65 it gave up
before the command was started.
`;
