// Original file: proto/podhand/v1/executor.proto


export interface Capability {
  'name'?: (string);
  'supported'?: (boolean);
  'note'?: (string);
}

export interface Capability__Output {
  'name': (string);
  'supported': (boolean);
  'note': (string);
}
