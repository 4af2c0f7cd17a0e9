import { pnsNamedByDocker, pnsOnNamespaces } from '../conformance/flavours.ts';
import { replacedLog } from './replaced-log.ts';
import { attacks, attacksOnFilesAndPods } from './suite.ts';

attacks('pns executor on plain namespaces, pods named by log files', pnsOnNamespaces, (subject) =>
  replacedLog(pnsOnNamespaces, 'cri', subject),
);
attacksOnFilesAndPods('pns executor, pods named by a real engine', pnsNamedByDocker);
