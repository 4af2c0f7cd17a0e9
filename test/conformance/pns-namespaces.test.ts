import { pnsOnNamespaces } from './flavours.ts';
import { conformance } from './suite.ts';

conformance('pns executor on plain namespaces, pods named by log files', pnsOnNamespaces);
