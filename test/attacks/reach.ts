import type { Flavour } from '../conformance/subject.ts';

/** Such an executor maps a path to its volume by the pod's specification; the others hold the container's root. */
export function readsVolumesOnly({ capabilities }: Flavour): boolean {
  return !capabilities['files.base_layer.running'];
}
