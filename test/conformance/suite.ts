import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { capabilityNames } from '../../src/agent/executors/roles.ts';
import { failure, unary } from '../rpc/agent-under-test.ts';
import { containersConformance } from './containers.ts';
import { filesConformance } from './files.ts';
import { inPodConformance } from './in-pod.ts';
import { isolationConformance } from './isolation.ts';
import { killConformance } from './kill.ts';
import { logsConformance } from './logs.ts';
import { eventually, type Flavour, of, openSubject, type Subject } from './subject.ts';
import { volumesConformance } from './volumes.ts';
import { waitConformance } from './wait.ts';

/** The executable contract of an executor: the same tests over each, against the real component. */
export function conformance(name: string, flavour: Flavour): void {
  describe(name, () => {
    let opened: Subject;
    beforeAll(async () => {
      opened = await openSubject(flavour);
    });
    afterAll(async () => await opened?.close());
    const subject = () => opened;

    capabilityTable(flavour, subject);

    test('stats, or their refusal', async () => {
      const pod = await subject().pod();
      await subject().sh(pod, 'main', 'exec sleep 600');
      const call = subject().client.watchStats({ once: true, containers: ['main'] }, of(pod));
      expect(await failure(call)).toBe(flavour.capabilities.stats ? 'OK' : '12 ROLE_NOT_OFFERED');
    });

    test('entrypoint, or its refusal', async () => {
      const pod = await subject().pod();
      await subject().sh(pod, 'main', 'exec sleep 600');
      const resolve = () => unary(subject().client, 'resolveEntrypoint', { container: 'main', args: ['x'] }, of(pod));
      // The source may be behind the container.
      await eventually(async () => (await failure(resolve())) !== '9 CONTAINER_NOT_STARTED');
      const call = resolve();
      if (flavour.capabilities.entrypoint)
        expect(await call).toMatchObject({ source: 'image-store', cmd: ['/bin/sh'], argv: ['x'] });
      else expect(await failure(call)).toBe('12 ROLE_NOT_OFFERED');
    });

    waitConformance(flavour, subject);
    killConformance(flavour, subject);
    logsConformance(flavour, subject);
    if (flavour.capabilities['files.base_layer.running']) filesConformance(flavour, subject);
    else volumesConformance(flavour, subject);
    isolationConformance(subject);
    inPodConformance(flavour, subject);
    // These add containers to a pod as they go.
    if (!flavour.fixedPods) containersConformance(flavour, subject);
  });
}

/** The logs alone, for an executor whose other roles are tried elsewhere. */
export function logsAloneConformance(name: string, flavour: Flavour): void {
  describe(name, () => {
    let opened: Subject;
    beforeAll(async () => {
      opened = await openSubject(flavour);
    });
    afterAll(async () => await opened?.close());
    capabilityTable(flavour, () => opened);
    logsConformance(flavour, () => opened);
  });
}

function capabilityTable(flavour: Flavour, subject: () => Subject): void {
  test('GetInfo shows the capability table', async () => {
    const pod = await subject().pod();
    await subject().sh(pod, 'main', 'exec sleep 600');
    const info = await unary(subject().client, 'getInfo', {}, of(pod));
    const shown = Object.fromEntries(
      info.capabilities.map(({ name: capability, supported }) => [capability, supported]),
    );
    expect(shown).toEqual(
      Object.fromEntries(capabilityNames.map((capability) => [capability, flavour.capabilities[capability]])),
    );
    for (const capability of info.capabilities) if (!capability.supported) expect(capability.note).not.toBe('');
  });
}
