import { docker } from './flavours.ts';
import { conformance } from './suite.ts';

conformance('docker executor on a real engine', docker);
