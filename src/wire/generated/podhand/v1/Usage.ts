// Original file: proto/podhand/v1/executor.proto

import type { Long } from '@grpc/proto-loader';

export interface Usage {
  'cpuSeconds'?: (number | string);
  'memoryBytes'?: (number | string | Long);
  'peakMemoryBytes'?: (number | string | Long);
  'readBytes'?: (number | string | Long);
  'writeBytes'?: (number | string | Long);
  'pids'?: (number);
  'oomKills'?: (number | string | Long);
  '_cpuSeconds'?: "cpuSeconds";
  '_memoryBytes'?: "memoryBytes";
  '_peakMemoryBytes'?: "peakMemoryBytes";
  '_readBytes'?: "readBytes";
  '_writeBytes'?: "writeBytes";
  '_pids'?: "pids";
  '_oomKills'?: "oomKills";
}

export interface Usage__Output {
  'cpuSeconds'?: (number);
  'memoryBytes'?: (number);
  'peakMemoryBytes'?: (number);
  'readBytes'?: (number);
  'writeBytes'?: (number);
  'pids'?: (number);
  'oomKills'?: (number);
  '_cpuSeconds'?: "cpuSeconds";
  '_memoryBytes'?: "memoryBytes";
  '_peakMemoryBytes'?: "peakMemoryBytes";
  '_readBytes'?: "readBytes";
  '_writeBytes'?: "writeBytes";
  '_pids'?: "pids";
  '_oomKills'?: "oomKills";
}
