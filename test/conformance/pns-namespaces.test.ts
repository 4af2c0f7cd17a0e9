import { NamespaceRuntime } from '../node/namespace-runtime.ts';
import { yes } from './capabilities.ts';
import { conformance } from './suite.ts';

conformance('pns executor on plain namespaces, pods named by log files', {
  executor: 'pns',
  open: async () => {
    const runtime = await NamespaceRuntime.open();
    const settings = [`nodeLogs.podsDir=${runtime.logDir}/pods`, `nodeLogs.containersDir=${runtime.logDir}/containers`];
    return { runtime, settings, close: () => runtime.close() };
  },
  terminals: false,
  capabilities: yes({ entrypoint: false }),
});
