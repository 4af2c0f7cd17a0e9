/** What an agent does for a pod and for the node's operator: each is tried on its own. */
export const functions = {
  start: 'the agent starts',
  admin: 'admin socket',
  metrics: 'metrics',
  records: 'final records on disk',
  socket: 'socket in an emptyDir',
  memorySocket: 'socket in memory',
  hostSocket: 'socket by hostPath',
  list: 'ListContainers',
  wait: 'Wait',
  logs: 'StreamLogs',
  times: 'times of StreamLogs',
  stats: 'WatchStats',
  volumeFile: 'files of volumes',
  ownFile: "files that a container's user alone may read",
  othersFile: "another user's files as root of a container",
  layerFile: 'files of the base layer',
  save: 'SaveArtifact',
  kill: 'Kill',
} as const;

export type FunctionName = keyof typeof functions;

/** Those that a container of a pod tries (probe.ts); the rest is looked at from the node. */
export type PodFunction = Exclude<FunctionName, (typeof ofNode)[number]>;

/** `OK`, or why not. */
export type Tried<Name extends FunctionName = FunctionName> = Record<Name, string>;

const ofNode = ['start', 'admin', 'metrics', 'records'] as const;

export const functionNames = Object.keys(functions) as FunctionName[];
const isCall = (name: FunctionName): name is PodFunction => !(ofNode as readonly FunctionName[]).includes(name);
/** Every function that a pod's container tries. */
export const calls = functionNames.filter(isCall);

export function failed(tried: Partial<Tried>): FunctionName[] {
  return functionNames.filter((name) => tried[name] !== 'OK');
}
