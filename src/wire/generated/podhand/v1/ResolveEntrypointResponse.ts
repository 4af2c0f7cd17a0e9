// Original file: proto/podhand/v1/executor.proto


export interface ResolveEntrypointResponse {
  'image'?: (string);
  'imageId'?: (string);
  'entrypoint'?: (string)[];
  'cmd'?: (string)[];
  'argv'?: (string)[];
  'workingDir'?: (string);
  'user'?: (string);
  'source'?: (string);
}

export interface ResolveEntrypointResponse__Output {
  'image': (string);
  'imageId': (string);
  'entrypoint': (string)[];
  'cmd': (string)[];
  'argv': (string)[];
  'workingDir': (string);
  'user': (string);
  'source': (string);
}
