import { errno, isErrno, SystemError } from '../errno.ts';
import type { Files } from '../system.ts';
import type { Template } from '../template.ts';
import { saveArtifact } from './artifact.ts';
import { cleanPath, isWithin, mountPoints } from './mounts.ts';
import { saveParameter } from './parameter.ts';

/**
 * Copies the parameters and artifacts that lie on the container's base layer, where nobody else could read them, to
 * `outputs/` in the volume. What is on a volume of the template, or on an input artifact that is mounted, others read
 * there. What is missing is left out: whoever collects knows defaults and what is optional. Gives one line for
 * everything that could not be saved; the rest is saved.
 */
export function saveOutputs(files: Files, volume: string, template: Template): string[] {
  const elsewhere = placesElsewhere(files, template);
  const problems: string[] = [];
  const save = (
    paths: readonly string[],
    kind: string,
    action: (files: Files, path: string, volume: string) => void,
  ) => {
    for (const given of paths) {
      const path = cleanPath(given);
      if (path === undefined) problems.push(`output ${kind} "${given}" is no absolute path`);
      else if (!elsewhere.some((place) => isWithin(path, place))) {
        try {
          action(files, path, volume);
        } catch (error) {
          if (!(error instanceof SystemError)) throw error;
          problems.push(`output ${kind} ${path} was not saved: ${error.message}${hint(error)}`);
        }
      }
    }
  };
  save(template.parameterPaths, 'parameter', saveParameter);
  save(template.artifactPaths, 'artifact', saveArtifact);
  return problems;
}

function placesElsewhere(files: Files, template: Template): string[] {
  if (template.parameterPaths.length === 0 && template.artifactPaths.length === 0) return [];
  const mounted = mountPoints(files);
  // An optional input that was not given is no mount: then the path is the container's own.
  const inputs = template.inputPaths.map(cleanPath).filter((path) => path !== undefined && mounted.has(path));
  return [...template.mounts.map(cleanPath), ...inputs].filter((path) => path !== undefined);
}

function hint(error: SystemError): string {
  return isErrno(error, errno.ENOSPC, errno.EDQUOT) ? ' (the shared volume is full)' : '';
}
