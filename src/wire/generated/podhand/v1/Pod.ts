// Original file: proto/podhand/v1/executor.proto


export interface Pod {
  'uid'?: (string);
  'namespace'?: (string);
  'name'?: (string);
}

export interface Pod__Output {
  'uid': (string);
  'namespace': (string);
  'name': (string);
}
