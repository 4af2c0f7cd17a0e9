// Original file: proto/podhand/v1/executor.proto


export interface WaitRequest {
  'containers'?: (string)[];
  'except'?: (string)[];
  'untilKnown'?: (boolean);
}

export interface WaitRequest__Output {
  'containers': (string)[];
  'except': (string)[];
  'untilKnown': (boolean);
}
