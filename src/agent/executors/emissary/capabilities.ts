import { type CapabilityName, capabilityNames, type ExecutorCapability } from '../roles.ts';

export interface EmissaryAbilities {
  /** What the executor beneath tells and reads for containers without their emissary's help. */
  readonly beneath: readonly ExecutorCapability[];
  /** It is pns: processes and roots are held. */
  readonly held: boolean;
}

const notes: Partial<Record<CapabilityName, string>> = {
  wait: "as soon as the emissary has written the exit code; where it was killed itself, as the pod's source tells it",
  'wait.oom': 'by the source, which is waited for after a SIGKILL',
  logs: "from the emissary's files, with --capture; else, and where times are asked for, from the source's log",
  'logs.split': "from the emissary's files, with --capture; else as far as the source's log can",
  'logs.since': "from the source's log",
  'logs.resume': "LOG_LOST where the volume is gone, or the next attempt has begun; the source's log as it can",
  'logs.tty': "from the source's log: the emissary leaves a terminal to the command",
  kill: 'through the file that the emissary takes signals from, to the process group of the command',
  'kill.sigkill':
    'by the emissary; a command that takes the file away from it lives on, and the call says so (KILL_UNCONFIRMED)',
};
const heldNotes: Partial<Record<CapabilityName, string>> = {
  wait: "as soon as the kernel tells the end of the container's first process",
  'kill.sigkill': "to the container's first process, by pidfd",
};
const saved =
  'only what the emissary has saved of main (outputs of the template), and volumes: name it there, write to a volume, or set emissary.hold';
const told = 'told by the emissary of its command; where the emissary was killed itself, nobody tells it from 128 + n';

/** One entry per capability that podhand knows. */
export function emissaryCapabilities({ beneath, held }: EmissaryAbilities): readonly ExecutorCapability[] {
  return capabilityNames.map((name) => {
    const own = beneath.find((capability) => capability.name === name);
    const given = own?.supported === true || isGiven(name);
    const note = noteOf(name, held, given) ?? own?.note;
    return { name, supported: given, ...(note !== undefined && { note }) };
  });
}

/** What an emissary makes of an executor that could not. */
function isGiven(name: CapabilityName): boolean {
  return name === 'logs.split' || name === 'kill' || name === 'kill.sigkill';
}

function noteOf(name: CapabilityName, held: boolean, given: boolean): string | undefined {
  if (name === 'wait.signal' && !given) return told;
  if (name.startsWith('files.base_layer.') && !given) return saved;
  return (held ? heldNotes[name] : undefined) ?? notes[name];
}
