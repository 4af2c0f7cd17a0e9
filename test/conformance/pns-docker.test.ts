import { pnsNamedByDocker } from './flavours.ts';
import { conformance } from './suite.ts';

conformance('pns executor, pods named by a real engine', pnsNamedByDocker);
