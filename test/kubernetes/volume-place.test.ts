import { describe, expect, test } from 'vitest';
import { containerUser } from '../../src/agent/kubernetes/container-user.ts';
import { podSchema } from '../../src/agent/kubernetes/pod-json.ts';
import { volumePlace } from '../../src/agent/kubernetes/volume-place.ts';
import { CAP_CHOWN, CAP_FOWNER, fileCapabilities } from '../../src/agent/linux/constants.ts';
import type { MountKind } from '../../src/agent/linux/mount-kind.ts';
import { PodhandError } from '../../src/wire/errors.ts';
import { podJson, uid } from './pod-shapes.ts';

const volumes = [
  { name: 'out', emptyDir: {} },
  { name: 'memory', emptyDir: { medium: 'Memory' } },
  { name: 'token', secret: { secretName: 'x' } },
  { name: 'config', configMap: { name: 'x' } },
  { name: 'all', projected: { sources: [] } },
  { name: 'host', hostPath: { path: '/etc' } },
  { name: 'claim', persistentVolumeClaim: { claimName: 'x' } },
];
const volumeMounts = [
  { name: 'out', mountPath: '/work' },
  { name: 'memory', mountPath: '/work/fast/' },
  { name: 'out', mountPath: '/part', subPath: 'a/b' },
  { name: 'out', mountPath: '/expr', subPathExpr: '$(POD)' },
  { name: 'token', mountPath: '/token' },
  { name: 'config', mountPath: '/config' },
  { name: 'all', mountPath: '/all' },
  { name: 'host', mountPath: '/host' },
  { name: 'claim', mountPath: '/claim' },
];
const pod = podSchema.parse(podJson({}, { spec: { volumes, containers: [{ name: 'main', volumeMounts }] } }));

function place(path: string, allowed: readonly MountKind[] = ['emptyDir', 'volume']) {
  try {
    const found = volumePlace(pod, 'main', Buffer.from(path), { executor: 'kubelet', allowed });
    return `${found.kind} ${found.directory} ${found.subPath}:${found.inner} +${found.mountsBelow}`;
  } catch (error) {
    if (error instanceof PodhandError) return error.reason;
    throw error;
  }
}

const volume = (plugin: string, name: string) => `pods/${uid}/volumes/kubernetes.io~${plugin}/${name}`;

describe('where a path of a container lies', () => {
  test.each([
    ['/work', `emptyDir ${volume('empty-dir', 'out')} :/ +1`],
    ['/work/a', `emptyDir ${volume('empty-dir', 'out')} :/a +0`],
    ['/work/a/b', `emptyDir ${volume('empty-dir', 'out')} :/a/b +0`],
    ['/work/fast', `emptyDir ${volume('empty-dir', 'memory')} :/ +0`],
    ['/work/fast/x', `emptyDir ${volume('empty-dir', 'memory')} :/x +0`],
    ['/work/faster', `emptyDir ${volume('empty-dir', 'out')} :/faster +0`],
    ['/part/x', `emptyDir ${volume('empty-dir', 'out')} a/b:/x +0`],
    ['/expr/x', 'VOLUME_NOT_REACHABLE'],
    ['/working', 'BASE_LAYER_NOT_OFFERED'],
    ['/', 'BASE_LAYER_NOT_OFFERED'],
    ['/tmp/x', 'BASE_LAYER_NOT_OFFERED'],
    ['/token/x', 'MOUNT_REFUSED'],
    ['/config/x', 'MOUNT_REFUSED'],
    ['/all/x', 'MOUNT_REFUSED'],
    ['/host/x', 'MOUNT_REFUSED'],
    ['/claim/x', 'VOLUME_NOT_REACHABLE'],
  ])('%s', (path, expected) => {
    expect(place(path)).toBe(expected);
  });

  test.each<[string, MountKind, string]>([
    ['/token/x', 'secret', `secret ${volume('secret', 'token')} :/x +0`],
    ['/config/x', 'configMap', `configMap ${volume('configmap', 'config')} :/x +0`],
    ['/all/x', 'projected', `projected ${volume('projected', 'all')} :/x +0`],
    ['/host/x', 'hostPath', 'VOLUME_NOT_REACHABLE'],
  ])('%s where %s is allowed', (path, kind, expected) => {
    expect(place(path, [kind])).toBe(expected);
  });
});

describe('the user of a container', () => {
  const user = (security: object | undefined, podSecurity: object | undefined, status: object = {}) =>
    containerUser(
      podSchema.parse(
        podJson(
          { containerStatuses: [{ name: 'main', restartCount: 0, state: {}, lastState: {}, ...status }] },
          { spec: { containers: [{ name: 'main', securityContext: security }], securityContext: podSecurity } },
        ),
      ),
      'main',
    );

  test('is not known where nobody says it', () => {
    expect(user(undefined, {})).toBeUndefined();
    expect(user({ runAsNonRoot: true }, undefined)).toBeUndefined();
  });

  test.each([
    [{ runAsUser: 1000 }, {}, { uid: 1000, gid: 0, groups: [], capabilities: 0n }],
    [{}, { runAsUser: 1, runAsGroup: 2, fsGroup: 3 }, { uid: 1, gid: 2, groups: [3], capabilities: 0n }],
    [{ runAsUser: 5 }, { runAsUser: 1, supplementalGroups: [7] }, { uid: 5, gid: 0, groups: [7], capabilities: 0n }],
    [{ runAsUser: 0, capabilities: { drop: ['ALL'] } }, {}, { uid: 0, gid: 0, groups: [], capabilities: 0n }],
    [
      { runAsUser: 0, capabilities: { drop: ['DAC_OVERRIDE'] } },
      {},
      { uid: 0, gid: 0, groups: [], capabilities: CAP_CHOWN | CAP_FOWNER },
    ],
    [{ runAsUser: 0, privileged: true }, {}, { uid: 0, gid: 0, groups: [], capabilities: fileCapabilities }],
  ])('%j in a pod with %j', (security, podSecurity, expected) => {
    expect(user(security, podSecurity)).toEqual(expected);
  });

  test('is what the status says', () => {
    const status = { user: { linux: { uid: 9, gid: 8, supplementalGroups: [8, 7] } } };
    expect(user({ runAsUser: 1 }, {}, status)).toEqual({ uid: 9, gid: 8, groups: [8, 7], capabilities: 0n });
  });
});
