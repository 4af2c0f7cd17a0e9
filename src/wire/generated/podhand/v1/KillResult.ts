// Original file: proto/podhand/v1/executor.proto

export const KillResult = {
  KILL_RESULT_UNSPECIFIED: 'KILL_RESULT_UNSPECIFIED',
  KILL_RESULT_ALREADY_GONE: 'KILL_RESULT_ALREADY_GONE',
  KILL_RESULT_ENDED_IN_TIME: 'KILL_RESULT_ENDED_IN_TIME',
  KILL_RESULT_FORCED: 'KILL_RESULT_FORCED',
  KILL_RESULT_SIGNALLED: 'KILL_RESULT_SIGNALLED',
} as const;

export type KillResult =
  | 'KILL_RESULT_UNSPECIFIED'
  | 0
  | 'KILL_RESULT_ALREADY_GONE'
  | 1
  | 'KILL_RESULT_ENDED_IN_TIME'
  | 2
  | 'KILL_RESULT_FORCED'
  | 3
  | 'KILL_RESULT_SIGNALLED'
  | 4

export type KillResult__Output = typeof KillResult[keyof typeof KillResult]
