import { readFileSync } from 'node:fs';
import type { PackageDefinition } from '@grpc/proto-loader';
import protobuf from 'protobufjs';
import descriptorTypes from 'protobufjs/google/protobuf/descriptor.json' with { type: 'json' };

/**
 * Every file of the contract, with its imports, the health service included, as the reflection service takes them:
 * what `npm run generate` wrote to proto/descriptor.json.
 */
export function loadFileDescriptors(): PackageDefinition {
  const type = protobuf.Root.fromJSON(descriptorTypes as protobuf.INamespace).lookupType(
    'google.protobuf.FileDescriptorProto',
  );
  const text = readFileSync(new URL('../../proto/descriptor.json', import.meta.url), 'utf8');
  const { file } = JSON.parse(text) as { file: object[] };
  const fileDescriptorProtos = file.map((each) => Buffer.from(type.encode(type.fromObject(each)).finish()));
  // Reflection reads nothing else of a definition.
  return { contract: { fileDescriptorProtos } } as unknown as PackageDefinition;
}
