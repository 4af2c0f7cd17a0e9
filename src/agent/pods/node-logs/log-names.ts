import type { Pod } from '../model.ts';

/** What the path of a log file says: `<namespace>_<pod>_<uid>/<container>/<restart count>.log`. */
export interface LogPlace {
  readonly pod: Pod;
  readonly container: string;
  readonly restartCount: number;
}

/** What the name of a link says: `<pod>_<namespace>_<container>-<id>.log`. */
export interface LinkName {
  readonly podName: string;
  readonly namespace: string;
  readonly container: string;
  readonly id: string;
}

const label = '[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?';
const subdomain = `${label}(?:\\.${label})*`;
/** 32 digits: a static pod, whose uid is a hash of its file. */
const uid = '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{32}';

const podDirectory = new RegExp(`^(${label})_(${subdomain})_(${uid})$`);
const containerDirectory = new RegExp(`^${label}$`);
const logFile = /^(\d{1,6})\.log$/;
const link = new RegExp(`^(${subdomain})_(${label})_(${label})-([0-9a-f]{64})\\.log$`);
const longestSubdomain = 253;

/** Undefined where the name is not one that a kubelet gives. */
export function parsePodDirectory(name: string): Pod | undefined {
  const [, namespace, podName, podUid] = podDirectory.exec(name) ?? [];
  if (namespace === undefined || podName === undefined || podUid === undefined) return undefined;
  return podName.length > longestSubdomain ? undefined : { uid: podUid, namespace, name: podName };
}

/** Reads the last three names of a path; whatever comes before them depends on who looks at the node. */
export function parseLogPath(path: string): LogPlace | undefined {
  const [directory = '', container = '', file = ''] = path.split('/').slice(-3);
  const pod = parsePodDirectory(directory);
  const count = logFile.exec(file)?.[1];
  if (pod === undefined || count === undefined || !containerDirectory.test(container)) return undefined;
  return { pod, container, restartCount: Number(count) };
}

/**
 * Undefined where the name is not one that a kubelet gives, and where pod and container names are so long (more than
 * 180 bytes together) that the kubelet had to cut the id off.
 */
export function parseLinkName(name: string): LinkName | undefined {
  const [, podName, namespace, container, id] = link.exec(name) ?? [];
  if (podName === undefined || namespace === undefined || container === undefined || id === undefined) return undefined;
  return { podName, namespace, container, id };
}
