import { dockerCapabilities } from '../src/agent/executors/docker/capabilities.ts';
import { emissaryCapabilities } from '../src/agent/executors/emissary/capabilities.ts';
import { pnsCapabilities } from '../src/agent/executors/pns/capabilities.ts';
import { capabilityNames, type ExecutorCapability } from '../src/agent/executors/roles.ts';
import { kubernetesCapabilities } from '../src/agent/kubernetes/capabilities.ts';
import { markdownTable } from './markdown/table.ts';

const kubelet = kubernetesCapabilities({ volumes: true, imageStore: true });
const pnsByKubelet = pnsCapabilities({ source: 'kubelet', imageStore: 'files', logs: 'node' });

const tables: Readonly<Record<string, readonly ExecutorCapability[]>> = {
  docker: dockerCapabilities(true),
  kubelet,
  k8sapi: kubernetesCapabilities({ volumes: true, imageStore: true }),
  'k8sapi, without nodeAccess': kubernetesCapabilities({ volumes: false, imageStore: false }),
  'pns, named by docker': pnsCapabilities({ source: 'docker', imageStore: 'engine', logs: 'node' }),
  'pns, named by kubelet or k8sapi': pnsByKubelet,
  'pns, named by log files': pnsCapabilities({ source: 'node-logs', imageStore: undefined, logs: 'node' }),
  'pns with logs by kubelet or k8sapi': pnsCapabilities({ source: 'kubelet', imageStore: 'files', logs: 'api' }),
  'emissary, named by kubelet or k8sapi': emissaryCapabilities({ beneath: kubelet, held: false }),
  'emissary with hold': emissaryCapabilities({ beneath: pnsByKubelet, held: true }),
};

/** docs/capabilities.md: what GetInfo answers, for every executor; the conformance suite holds each cell to account. */
export function capabilityTable(): string {
  const names = Object.keys(tables);
  const entry = (executor: string, capability: string) => tables[executor]?.find(({ name }) => name === capability);
  const rows = capabilityNames.map((capability) => {
    const cells = names.map((executor) => (entry(executor, capability)?.supported ? 'yes' : '**no**'));
    return [`\`${capability}\``, ...cells];
  });
  const notes = names.map((executor) => {
    const said = (tables[executor] ?? []).filter(({ note }) => note !== undefined);
    const lines = said.map(({ name, supported, note }) => `- \`${name}\`${supported ? '' : ', **no**'}: ${note}`);
    return `## ${executor}\n\n${lines.join('\n')}\n`;
  });
  return `# Capabilities

Written by \`npm run generate\` from what the agent itself answers to GetInfo (\`podhand info\`). Each yes is tried and each
no is tried as a refusal by \`test/conformance\`, against the real component.

${markdownTable([['capability', ...names], ...rows])}

${notes.join('\n')}`;
}
