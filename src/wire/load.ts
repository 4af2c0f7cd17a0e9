import { fileURLToPath } from 'node:url';
import { loadSync, type MessageTypeDefinition, type PackageDefinition } from '@grpc/proto-loader';
import type { HealthDefinition } from './generated/grpc/health/v1/Health.ts';
import type { ExecutorServiceDefinition } from './generated/podhand/v1/ExecutorService.ts';
import type { ProtoGrpcType as StatusTypes } from './generated/status.ts';

/** The contract as grpc-js takes it. */
export interface ExecutorContract {
  /** For `server.addService` and `makeClientConstructor`. */
  readonly definition: ExecutorServiceDefinition;
}

type MessageOf<Definition> =
  Definition extends MessageTypeDefinition<infer Input, infer Output> ? MessageTypeDefinition<Input, Output> : never;

/** The two messages that `grpc-status-details-bin` is made of. */
export interface StatusMessages {
  readonly Status: MessageOf<StatusTypes['google']['rpc']['Status']>;
  readonly ErrorInfo: MessageOf<StatusTypes['google']['rpc']['ErrorInfo']>;
}

const protoDirectory = fileURLToPath(new URL('../../proto/', import.meta.url));

/**
 * The service `podhand.v1.ExecutorService` from `proto/`: camelCase fields, 64-bit integers as numbers, enums by name,
 * bytes as Buffers, `oneof` discriminators, absent scalars filled with their defaults (`optional` ones stay absent).
 * Parsed at the first call; later calls answer the same objects.
 */
export const loadExecutorService: () => ExecutorContract = once(() => {
  const packageDefinition = parse('podhand/v1/executor.proto');
  const definition = packageDefinition['podhand.v1.ExecutorService'] as unknown as ExecutorServiceDefinition;
  return { definition };
});

/** The standard health service, as a client calls it. */
export const loadHealthService: () => HealthDefinition = once(
  () => parse('grpc/health/v1/health.proto')['grpc.health.v1.Health'] as unknown as HealthDefinition,
);

/** `google.rpc.Status` and `google.rpc.ErrorInfo`; parsed at the first call, which on a client is its first error. */
export const loadStatusMessages: () => StatusMessages = once(() => {
  const types = parse('google/rpc/status.proto');
  return {
    Status: types['google.rpc.Status'] as unknown as StatusMessages['Status'],
    ErrorInfo: types['google.rpc.ErrorInfo'] as unknown as StatusMessages['ErrorInfo'],
  };
});

function parse(file: string): PackageDefinition {
  return loadSync(file, {
    longs: Number,
    enums: String,
    defaults: true,
    oneofs: true,
    includeDirs: [protoDirectory],
  });
}

function once<Value>(make: () => Value): () => Value {
  let made: { value: Value } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
