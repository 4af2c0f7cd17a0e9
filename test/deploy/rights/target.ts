import { resolve } from 'node:path';
import type { Place } from './agent-objects.ts';

const checkout = resolve(import.meta.dirname, '../../..');
const user = { runAsUser: 1000, runAsGroup: 1000, allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } };
/** With what a runtime gives to root. */
const rootUser = { runAsUser: 0, allowPrivilegeEscalation: false };
const work = { name: 'work', mountPath: '/work' };
const emissaryMount = { name: 'var-run-argo', mountPath: '/var/run/argo' };
const template = { outputs: { artifacts: [{ name: 'own', path: '/tmp/own/secret' }] } };
const image = { image: 'podhand-test/busybox:latest', imagePullPolicy: 'Never' };

const untilEnd = 'until [ -e /work/end ]; do sleep 0.2; done';
const main = `umask 077; mkdir /work/own /tmp/own; echo secret > /work/own/secret; echo 'of the layer' > /tmp/own/secret
umask 022; echo open > /work/open; echo 'a line'; echo > /work/ready
${untilEnd}; exit 3`;
const victim = "trap 'exit 0' TERM; echo > /work/ready-$0; while :; do sleep 86400 & wait $!; done";

export const victimOf = ({ name }: Place) => `victim-${name}`;

/** A pod of uid 1000 whose container `probe` tries what these agents do for it: each has sockets and a victim of its own. */
export function targetPod(name: string, places: readonly Place[], emissary: boolean): object {
  const run = (container: string, script: string) => supervised(container, script, emissary);
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'default' },
    spec: {
      restartPolicy: 'Never',
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      terminationGracePeriodSeconds: 1,
      ...(emissary && { initContainers: [init, putTemplate] }),
      containers: [
        run('main', main),
        { ...run('root', untilEnd), securityContext: rootUser },
        ...places.map((place) => run(victimOf(place), victim)),
        {
          name: 'probe',
          image: 'podhand-test/node:latest',
          imagePullPolicy: 'Never',
          command: ['/usr/bin/node', '/podhand/test/deploy/rights/probe.ts', ...places.map((place) => place.name)],
          env: [{ name: 'POD_UID', valueFrom: { fieldRef: { fieldPath: 'metadata.uid' } } }],
          securityContext: user,
          // Beside so many agents a pod that asks for nothing would get nothing.
          resources: { requests: { cpu: '200m' } },
          volumeMounts: [
            work,
            { name: 'out', mountPath: '/out' },
            { name: 'checkout', mountPath: '/podhand', readOnly: true },
            ...places.flatMap(socketMounts),
          ],
        },
      ],
      volumes: [
        { name: 'work', emptyDir: {} },
        { name: 'out', emptyDir: {} },
        { name: 'var-run-argo', emptyDir: {} },
        { name: 'checkout', hostPath: { path: checkout } },
        ...places.flatMap(socketVolumes),
      ],
    },
  };
}

function socketMounts({ name, volumes }: Place): object[] {
  const at = (kind: string) => ({ mountPath: `/sockets/${name}/${kind}`, readOnly: true });
  return [
    { name: volumes.disk, ...at('socket') },
    { name: volumes.memory, ...at('memorySocket') },
    { name: `${name}-host`, subPathExpr: '$(POD_UID)', ...at('hostSocket') },
  ];
}

function socketVolumes({ name, volumes, directory }: Place): object[] {
  return [
    { name: volumes.disk, emptyDir: {} },
    { name: volumes.memory, emptyDir: { medium: 'Memory' } },
    { name: `${name}-host`, hostPath: { path: `${directory}/run/pods`, type: 'DirectoryOrCreate' } },
  ];
}

const init = {
  name: 'init',
  image: 'podhand-client:latest',
  imagePullPolicy: 'Never',
  args: ['init'],
  securityContext: user,
  volumeMounts: [emissaryMount],
};
const putTemplate = {
  name: 'template',
  ...image,
  command: ['/bin/sh', '-c', `echo '${JSON.stringify(template)}' > ${emissaryMount.mountPath}/template`],
  securityContext: user,
  volumeMounts: [emissaryMount],
};

function supervised(name: string, script: string, emissary: boolean): object {
  const prefix = emissary ? ['/var/run/argo/podhand-emissary', '--container', name, '--capture', '--'] : [];
  return {
    name,
    ...image,
    command: [...prefix, '/bin/sh', '-c', script, name],
    resources: { requests: { cpu: '10m' } },
    securityContext: user,
    volumeMounts: [work, emissaryMount],
  };
}
