import { describe, expect, test } from 'vitest';
import { nodeCgroup, parseCgroup } from '../../src/agent/linux/cgroup-path.ts';
import { attackOn } from '../attacks/attack.ts';

const attack = attackOn('shared');

const P = '2c48913c-b29f-11e7-9350-020968147796';
const P_ = P.replaceAll('-', '_');
const C = '9bca8d63d5fa610783847915bcff0ecac1273e5b4bed3f6fa1b07350e0135961';
const C0 = 'a'.repeat(64);
const other = { pod: '11111111-2222-3333-4444-555555555555', container: 'b'.repeat(64) };
const both = { podUid: P, containerId: C, conflict: false };
const onlyContainer = { containerId: C, conflict: false };
const nothing = { conflict: false };

describe('shapes of the runtimes', () => {
  test.each([
    ['cgroupfs, guaranteed', `/kubepods/pod${P}/${C}`, both],
    ['cgroupfs, burstable', `/kubepods/burstable/pod${P}/${C}`, both],
    ['cgroupfs, besteffort', `/kubepods/besteffort/pod${P}/${C}`, both],
    ['docker desktop', `/kubepods/kubepods/besteffort/pod${P}/${C}`, both],
    [
      'systemd, docker',
      `/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod${P}.slice/docker-${C}.scope`,
      both,
    ],
    [
      'systemd, CRI-O',
      `/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod${P_}.slice/crio-${C}.scope`,
      both,
    ],
    [
      'containerd under kind',
      `/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod${P_}.slice/cri-containerd-${C}.scope`,
      both,
    ],
    [
      'from another cgroup namespace, systemd',
      `/../../kubelet-kubepods-besteffort.slice/kubelet-kubepods-besteffort-pod${P_}.slice/cri-containerd-${C}.scope`,
      both,
    ],
    ['from another cgroup namespace, cgroupfs', `/../../../burstable/pod${P}/${C}`, both],
    ['from a sibling in the pod', `/../${C}`, onlyContainer],
    ['CRI-O without the pod', `/../crio-${C}.scope`, onlyContainer],
    ['a slice handed to containerd without systemd', `/kubepods-besteffort-pod${P_}.slice:cri-containerd:${C}`, both],
    ['the same below slices', `/kubepods.slice/kubepods-pod${P_}.slice:cri-containerd:${C}`, both],
    ['a static pod', '/kubepods/pod2732ca68f6358eba7703fb6f82a25c94', nothing],
    ['docker under systemd', `/system.slice/docker-${C}.scope`, onlyContainer],
    ['RHEL', `/system.slice/${C}.scope`, onlyContainer],
    ['docker', `/docker/${C}`, onlyContainer],
    ['docker in docker', `/docker/${C}/docker/${C0}/system.slice/containerd.service`, onlyContainer],
    ['podman', `/machine.slice/libpod-${C}.scope`, onlyContainer],
    ['podman, below', `/machine.slice/libpod-${C}.scope/container`, onlyContainer],
    ['rootless podman', `/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-${C}.scope`, onlyContainer],
    ['rootless podman, cgroupfs', `/user.slice/user-1000.slice/user@1000.service/libpod/${C}`, onlyContainer],
    ['a session', '/user.slice/user-1000.slice/session-2.scope', nothing],
    ['the root', '/', nothing],
    ['the pod alone', `/kubepods/besteffort/pod${P}`, { podUid: P, conflict: false }],
    [
      "CRI-O's monitor is no container",
      `/kubepods.slice/kubepods-pod${P_}.slice/crio-conmon-${C}.scope`,
      { podUid: P, conflict: false },
    ],
    ['65 digits are no container', `/docker/${C}0`, nothing],
    ['a removed cgroup', `/kubepods/pod${P}/${C} (deleted)`, both],
    ['nested below the container', `/kubepods/pod${P}/${C}/init.scope/a/b`, both],
  ])('%s', (_, path, expected) => {
    expect(parseCgroup(`0::${path}\n`)).toEqual(expected);
    expect(parseCgroup(`12:cpu,cpuacct:${path}\n1:name=systemd:${path}\n`)).toEqual(expected);
  });
});

describe('forged tails', () => {
  const { pod, container } = other;
  attack.each<readonly [string, string, object]>([
    ['a pod below the container', `/kubepods/pod${P}/${C}/kubepods/pod${pod}/${container}`, both],
    ['a container below the container', `/kubepods/pod${P}/${C}/${container}`, both],
    [
      'a systemd shape below',
      `/kubepods.slice/kubepods-pod${P_}.slice/crio-${C}.scope/kubepods-pod${pod}.slice/crio-${container}.scope`,
      both,
    ],
    ['a pod below a plain container', `/docker/${C}/kubepods/pod${pod}/${container}`, onlyContainer],
    ['a pod below a scope', `/system.slice/docker-${C}.scope/kubepods/pod${pod}/${container}`, onlyContainer],
    ['a pod in the subtree of a user', `/user.slice/user@1000.service/kubepods/pod${pod}`, nothing],
    ['the mark of a removed cgroup in the middle', `/kubepods/pod${P}/${C}/x (deleted)/pod${pod}/${container}`, both],
    ['colons', `/kubepods/pod${P}/${C}/kubepods-pod${pod}.slice:cri-containerd:${container}`, both],
  ])(40, '%s', (_, path, expected) => {
    expect(parseCgroup(`0::${path}\n`)).toEqual(expected);
  });
});

describe('several hierarchies', () => {
  const conflict = { conflict: true };
  test.each([
    ['v2 knows nothing (CRI-O)', `3:rdma:/\n2:pids:/kubepods/pod${P}/${C}\n0::/system.slice/crio.service`, both],
    ['one has the pod only', `3:cpu:/kubepods/pod${P}\n2:pids:/kubepods/pod${P}/${C}`, both],
    ['one has the container only', `3:cpu:/docker/${C}\n2:pids:/kubepods/pod${P}/${C}`, both],
    ['other pods', `3:cpu:/kubepods/pod${P}/${C}\n2:pids:/kubepods/pod${other.pod}/${C}`, conflict],
    ['other containers', `3:cpu:/kubepods/pod${P}/${C}\n2:pids:/kubepods/pod${P}/${other.container}`, conflict],
    ['other containers without a pod', `3:cpu:/docker/${C}\n0::/docker/${other.container}`, conflict],
    ['container of another line', `3:cpu:/kubepods/pod${P}/${C}\n0::/docker/${other.container}`, conflict],
    ['nonsense', 'x\n\n::\n1:2\n0::relative', conflict],
    ['a name with a carriage return', `0::/kubepods/pod${P}/${C}/a\rb`, { podUid: P, containerId: C, conflict: false }],
  ])('%s', (_, text, expected) => {
    expect(parseCgroup(text)).toEqual(expected);
  });
});

describe('a node that is a container', () => {
  const text = `11:cpu:/docker/${C0}/kubepods/besteffort/pod${P}/${C}\n0::/docker/${C0}/system.slice/containerd.service\n`;
  test('its own cgroup is taken off', () => {
    expect(nodeCgroup(`11:cpu:/docker/${C0}/init.scope\n0::/docker/${C0}/init.scope\n`)).toBe(`/docker/${C0}`);
    expect(nodeCgroup('11:cpu:/\n0::/init.scope\n')).toBe('/');
    expect(parseCgroup(text, `/docker/${C0}`)).toEqual(both);
  });
  test('without that, what is below a container says nothing', () => {
    expect(parseCgroup(text)).toEqual({ containerId: C0, conflict: false });
    expect(parseCgroup(`0::/docker/${C0}x/kubepods/pod${P}/${C}`, `/docker/${C0}`)).toEqual(both);
  });
});
