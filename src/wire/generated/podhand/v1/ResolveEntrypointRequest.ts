// Original file: proto/podhand/v1/executor.proto


export interface ResolveEntrypointRequest {
  'container'?: (string);
  'image'?: (string);
  'command'?: (string)[];
  'args'?: (string)[];
  'subject'?: "container"|"image";
}

export interface ResolveEntrypointRequest__Output {
  'container'?: (string);
  'image'?: (string);
  'command': (string)[];
  'args': (string)[];
  'subject'?: "container"|"image";
}
