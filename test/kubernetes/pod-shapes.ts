/** Shapes of Pods as kubelet 1.20 and API servers give them. */
export const uid = '0f5a2c1e-98a4-4f0e-9d4b-6b0a7f0c8d11';
export const id = (digit: string) => `containerd://${digit.repeat(64)}`;

export function podJson(
  status: object,
  over: { readonly spec?: object; readonly metadata?: object } = {},
): Record<string, unknown> {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: 'job',
      namespace: 'ns',
      uid,
      resourceVersion: '1',
      labels: { app: 'job' },
      creationTimestamp: '2026-01-02T03:04:00Z',
      managedFields: [{ manager: 'kubelet' }],
      ...over.metadata,
    },
    spec: { nodeName: 'node1', containers: [{ name: 'main', image: 'img' }], ...over.spec },
    status: { phase: 'Running', ...status },
  };
}

export function status(state: object, over: object = {}): object {
  return {
    name: 'main',
    image: 'img:latest',
    imageID: 'sha256:1',
    ready: false,
    started: false,
    restartCount: 0,
    state,
    lastState: {},
    ...over,
  };
}

export function ended(exitCode: number, over: object = {}): object {
  return {
    terminated: {
      exitCode,
      reason: exitCode === 0 ? 'Completed' : 'Error',
      startedAt: '2026-01-02T03:04:05Z',
      finishedAt: '2026-01-02T03:04:06Z',
      containerID: id('a'),
      ...over,
    },
  };
}
