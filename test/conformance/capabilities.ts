import { type CapabilityName, capabilityNames } from '../../src/agent/executors/roles.ts';

/** A capability table: everything but what is said. */
export function yes(but: Partial<Record<CapabilityName, boolean>>): Record<CapabilityName, boolean> {
  const all = Object.fromEntries(capabilityNames.map((name) => [name, true])) as Record<CapabilityName, boolean>;
  return { ...all, ...but };
}
