import { Server, ServerCredentials } from '@grpc/grpc-js';
import { ReflectionService } from '@grpc/reflection';
import { HealthImplementation } from 'grpc-health-check';
import { loadFileDescriptors } from '../../wire/descriptor.ts';
import type { ExecutorServiceHandlers } from '../../wire/generated/podhand/v1/ExecutorService.ts';
import { loadExecutorService } from '../../wire/load.ts';

const serviceName = 'podhand.v1.ExecutorService';

/** A gRPC server that is handed connections instead of listening by itself. */
export interface InjectedServer {
  inject(socket: import('node:net').Socket): void;
  setServing(serving: boolean): void;
  /** Ends when no call is open any more, or after `ms`. */
  drain(ms: number): Promise<void>;
}

/**
 * The server behind the pods' sockets, or behind the admin socket, which has reflection as well. The largest request
 * is a path and some names; the largest response message a chunk.
 */
export function createGrpcServer(
  handlers: ExecutorServiceHandlers,
  options: { reflection: boolean; maxStreams: number },
): InjectedServer {
  const server = new Server({
    'grpc.max_concurrent_streams': options.maxStreams,
    'grpc.max_receive_message_length': 64 * 1024,
    'grpc.max_send_message_length': 4 * 1024 * 1024,
  });
  const { definition } = loadExecutorService();
  server.addService(definition, { ...handlers });
  const health = new HealthImplementation({ '': 'NOT_SERVING', [serviceName]: 'NOT_SERVING' });
  health.addToServer(server);
  // Not from proto-loader's package: its descriptors lack imports and full names, and grpcurl refuses them.
  if (options.reflection) new ReflectionService(loadFileDescriptors()).addToServer(server);
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
  return {
    inject: (socket) => injector.injectConnection(socket),
    setServing: (serving) => {
      for (const name of ['', serviceName]) health.setStatus(name, serving ? 'SERVING' : 'NOT_SERVING');
    },
    drain: async (ms) => {
      injector.drain(ms);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(() => {
          server.forceShutdown();
          resolve();
        }, ms);
        server.tryShutdown(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    },
  };
}
