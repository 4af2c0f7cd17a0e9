import type { Socket } from 'node:net';
import { logVerbosity, Server, ServerCredentials, setLogVerbosity } from '@grpc/grpc-js';
import { ReflectionService } from '@grpc/reflection';
import { loadFileDescriptors } from '../../wire/descriptor.ts';
import type { HealthHandlers } from '../../wire/generated/grpc/health/v1/Health.ts';
import type { ExecutorServiceHandlers } from '../../wire/generated/podhand/v1/ExecutorService.ts';
import { loadExecutorService, loadHealthService } from '../../wire/load.ts';
import type { OpenCall } from '../connection/connection-calls.ts';
import { watchRequests } from './watch-requests.ts';

/** A gRPC server that is handed connections instead of listening by itself. */
export interface InjectedServer {
  inject(socket: Socket): void;
  /** Ends when no call is open any more, or after `ms`. */
  drain(ms: number): Promise<void>;
}

/**
 * The server behind the pods' sockets, or behind the admin socket, which has reflection as well. The largest request
 * is a path and some names; the largest response message a chunk.
 */
export function createGrpcServer(
  services: { readonly executor: ExecutorServiceHandlers; readonly health: HealthHandlers },
  options: {
    reflection: boolean;
    /** Of one connection. */
    maxStreams: number;
    /** Bytes of one connection. */
    maxMemory: number;
    /** What it throws is the answer to the call. */
    begin(peer: string): OpenCall;
  },
): InjectedServer {
  // It would write what callers send (metadata that is none) to the agent's standard error, as often as they like.
  setLogVerbosity(logVerbosity.NONE);
  const server = new Server({
    interceptors: [watchRequests(options.begin)],
    // grpc-js has none of its own. Node's own limits hold beside it: 64 KiB and 128 fields of headers, and floods of
    // resets, pings, SETTINGS and CONTINUATION, which end the connection.
    'grpc-node.max_session_memory': Math.ceil(options.maxMemory / 1e6),
    'grpc.max_concurrent_streams': options.maxStreams,
    'grpc.max_receive_message_length': 64 * 1024,
    'grpc.max_send_message_length': 4 * 1024 * 1024,
  });
  server.addService(loadExecutorService().definition, { ...services.executor });
  server.addService(loadHealthService(), { ...services.health });
  // Not from proto-loader's package: its descriptors lack imports and full names, and grpcurl refuses them.
  if (options.reflection) new ReflectionService(loadFileDescriptors()).addToServer(server);
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
  const open = new Set<Socket>();
  let draining = false;
  let ended = (): void => undefined;
  return {
    inject: (socket) => {
      if (draining) {
        socket.destroy();
        return;
      }
      open.add(socket);
      socket.once('close', () => {
        open.delete(socket);
        if (open.size === 0) ended();
      });
      injector.injectConnection(socket);
    },
    drain: async (ms) => {
      draining = true;
      injector.drain(ms);
      // Not by tryShutdown: Node's server closes its sessions with itself, and grpc-js takes those that are closing for closed.
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ms);
        ended = () => {
          clearTimeout(timer);
          resolve();
        };
        if (open.size === 0) ended();
      });
      server.forceShutdown();
    },
  };
}
