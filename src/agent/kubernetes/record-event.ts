import { createHash } from 'node:crypto';
import type { FinalRecord } from '../records/final-record.ts';

/** What Kubernetes takes for the text of an event. */
const maxMessage = 1024;
/** A name has at most 253 characters, with ours behind the pod's. */
const maxPodName = 220;

/**
 * The Event (core/v1) of a final record. Its name is made of the attempt and of how it ended, so that one that is
 * created twice is refused the second time. The annotation `podhand.dev/final-record` has the record as JSON, without
 * what the container itself said.
 */
export function eventOf(record: FinalRecord, nodeName: string): object {
  const { podUid, podName, namespace, container, restartCount, kind, exitKnown, exitCode, finishedAt } = record;
  const identity = [podUid, container, restartCount, exitKnown ? exitCode : 'unknown'].join('/');
  const hash = createHash('sha256').update(identity).digest('hex').slice(0, 16);
  const { message: _, usage: __, ...annotated } = record;
  const time = `${(finishedAt ?? new Date()).toISOString().slice(0, 19)}Z`;
  const field = kind === 'init' || kind === 'sidecar' ? 'initContainers' : 'containers';
  return {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: {
      namespace,
      // Before a dot a name ends with a letter or a digit.
      name: `${podName.slice(0, maxPodName).replace(/[-.]+$/, '')}.podhand-${hash}`,
      annotations: { 'podhand.dev/final-record': JSON.stringify(annotated) },
    },
    involvedObject: {
      apiVersion: 'v1',
      kind: 'Pod',
      namespace,
      name: podName,
      uid: podUid,
      fieldPath: `spec.${kind === 'ephemeral' ? 'ephemeralContainers' : field}{${container}}`,
    },
    type: exitKnown && exitCode === 0 ? 'Normal' : 'Warning',
    reason: reasonOf(record),
    message: messageOf(record).slice(0, maxMessage),
    source: { component: 'podhand', host: nodeName },
    reportingComponent: 'podhand',
    reportingInstance: nodeName,
    firstTimestamp: time,
    lastTimestamp: time,
    count: 1,
  };
}

function reasonOf({ exitKnown, exitCode, oomKilled }: FinalRecord): string {
  if (!exitKnown) return 'ContainerEndUnknown';
  if (oomKilled) return 'ContainerOOMKilled';
  return exitCode === 0 ? 'ContainerSucceeded' : 'ContainerFailed';
}

function messageOf(record: FinalRecord): string {
  const { container, restartCount, exitKnown, exitCode, signal, oomKilled, unknownReason } = record;
  const attempt = `Container ${container}, attempt ${restartCount},`;
  if (!exitKnown) return `${attempt} has ended, nobody knows how: ${unknownReason}`;
  const by = signal === undefined ? '' : `, by signal ${signal}`;
  return `${attempt} ended with exit code ${exitCode}${by}${oomKilled ? ', out of memory' : ''}`;
}
