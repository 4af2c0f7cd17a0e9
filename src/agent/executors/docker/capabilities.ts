import { type CapabilityName, capabilityNames, type ExecutorCapability } from '../roles.ts';

const heldNote = 'the agent must share the host pid namespace and see the cgroup tree';
const invalidUtf8 =
  "the engine's json-file log driver replaces bytes that are not UTF-8 by U+FFFD, and cuts characters at its 16 KiB boundaries";
const archive =
  "by descriptors held since the container ran; where the agent was not there then, through the engine's archive, which reads with the engine's rights and not with those of the container's user";

/**
 * What this executor can do. `held`: the agent sees the processes of the node (HeldContainers), so that files and
 * figures come from the kernel.
 */
export function dockerCapabilities(held: boolean): ExecutorCapability[] {
  const notes: Partial<Record<CapabilityName, string>> = {
    'wait.signal': 'docker does not tell a death by signal n from an exit with 128 + n',
    'wait.oom': 'what docker says: the kernel has killed a process of the container for want of memory',
    logs: invalidUtf8,
    'logs.resume':
      'by time: a clock that is set back past the cursor while the container writes loses lines on resuming',
    'logs.tty': 'stdout only',
    'files.base_layer.running': heldNote,
    'files.volume.running': heldNote,
    'files.base_layer.exited': held ? archive : `${archive}; ${heldNote} for the first`,
    'files.volume.exited': held
      ? `${archive}; without them, a volume of a container that has refused mounts is refused, and a tmpfs is gone`
      : `through the engine's archive; refused where the container has refused mounts; ${heldNote}`,
    'files.container_user': held ? archive : heldNote,
    'files.sparse': held ? "where descriptors are held; the engine's archive writes holes as zeros" : heldNote,
    'save.in_kernel': heldNote,
    stats: held ? 'from the cgroup' : 'from the engine, without process ids',
  };
  const without: ReadonlySet<CapabilityName> = new Set<CapabilityName>([
    'files.base_layer.running',
    'files.volume.running',
    'files.container_user',
    'files.sparse',
    'save.in_kernel',
  ]);
  return capabilityNames.map((name) => {
    const note = notes[name];
    const supported = name !== 'wait.signal' && (held || !without.has(name));
    const shown = note === heldNote && supported ? undefined : note;
    return { name, supported, ...(shown !== undefined && { note: shown }) };
  });
}
