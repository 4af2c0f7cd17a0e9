import type { ServerInterceptingCallInterface, ServerInterceptor } from '@grpc/grpc-js';
import type { OpenCall } from '../connection/connection-calls.ts';
import { toStatus } from '../rpc/translate.ts';

type Listener = Parameters<ServerInterceptingCallInterface['start']>[0];

/** No signal of a call that has not begun. */
const notBegun = { aborted: false, reason: undefined };

/**
 * Tells of every call when it begins, when its request is there as a whole, and when it ends. What `begin` throws is the
 * call's answer. Not by grpc-js's own ServerInterceptingCall: that would cost each small call a good part of what it takes.
 */
export function watchRequests(begin: (peer: string) => OpenCall): ServerInterceptor {
  const intercept = (method: { readonly requestStream: boolean }, call: ServerInterceptingCallInterface) => {
    const start = call.start.bind(call);
    call.start = (listener) => {
      let open: OpenCall;
      try {
        open = begin(call.getPeer());
      } catch (error) {
        call.sendStatus(toStatus(error, notBegun));
        return;
      }
      // A stream of requests may go on for as long as it likes.
      if (method.requestStream) open.complete();
      start(watched(listener, open));
    };
    return call;
  };
  // Its type wants the class; what is called of it is this interface.
  return intercept as unknown as ServerInterceptor;
}

/**
 * grpc-js goes on to tell of a request that it had read when its call ended, and would then tell of no end: a handler that
 * began with it would serve nobody for good.
 */
function watched(listener: Listener, open: OpenCall): Listener {
  let ended = false;
  return {
    onReceiveMetadata: (metadata) => listener.onReceiveMetadata(metadata),
    onReceiveMessage: (message) => listener.onReceiveMessage(message),
    onReceiveHalfClose: () => {
      if (ended) return;
      open.complete();
      listener.onReceiveHalfClose();
    },
    // Of every call, however it has ended.
    onCancel: () => {
      ended = true;
      open.end();
      listener.onCancel();
    },
  };
}
