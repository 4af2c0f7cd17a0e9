import type { handleServerStreamingCall, handleUnaryCall, ServerUnaryCall, ServerWritableStream } from '@grpc/grpc-js';
import type { Logger } from 'pino';
import { PodhandError } from '../../wire/errors.ts';
import { parseTraceparent } from '../../wire/trace-context.ts';
import type { CallContext, Caller } from '../connection/caller.ts';
import type { CallMetrics } from '../metrics/call-metrics.ts';
import type { Pod } from '../pods/model.ts';
import type { CallTracer } from '../tracing/call-tracer.ts';
import type { Admission } from './admission.ts';
import type { AuditLog, AuditSubject } from './audit.ts';
import { CallEnd } from './call-end.ts';
import { pump } from './pump.ts';
import { classify, toStatus } from './translate.ts';

/** Given once for all: the reason that is made where none is given costs as much as a small call. */
const over = new PodhandError('CANCELLED', 'the call has ended');

type AnyCall = ServerUnaryCall<unknown, unknown> | ServerWritableStream<unknown, unknown>;

interface Options {
  readonly admission: Admission;
  readonly metrics: CallMetrics;
  readonly log: Logger;
  /** Absent: no audit log is kept. */
  readonly audit: AuditLog | undefined;
  /** Absent: no spans are made. */
  readonly tracer: CallTracer | undefined;
  /** Aborts when the agent has drained long enough. */
  readonly stopping: AbortSignal;
  /** The caller of a connection, by the label that the connection carries. Errors: CALLER_UNKNOWN. */
  callerOf(peer: string): Caller;
  /**
   * The pod that the call is about; the caller's own may be waited for. Errors: POD_NOT_FOUND, POD_NOT_LISTED,
   * INVALID_REQUEST (admin socket without the metadata key), the reason of the call's signal.
   */
  podOf(caller: Caller, chosen: string | undefined, call: Pick<CallEnd, 'signal'>): Promise<Pod>;
}

/**
 * Makes gRPC handlers of service functions. Every RPC goes through here and nowhere else: identity, admission,
 * cancellation, error mapping, metrics and the one log line exist once.
 */
export class RpcAdapter {
  readonly #options: Options;
  readonly #running = new Set<CallEnd>();

  constructor(options: Options) {
    this.#options = options;
    const stop = () => {
      for (const call of this.#running) call.abort(stopped());
    };
    options.stopping.addEventListener('abort', stop, { once: true });
  }

  unary<Request, Response>(
    rpc: string,
    serve: (context: CallContext, request: Request) => Response | Promise<Response>,
    audited?: (request: Request) => AuditSubject,
  ): handleUnaryCall<Request, Response> {
    return (call, callback) => {
      // `getPeer()` forgets the connection as soon as it closes: everything is taken now, in this tick.
      const run = this.#begin(rpc, call, audited);
      void (async () => {
        try {
          const context = await run.admit(call);
          const response = await serve(context, call.request);
          run.end(undefined);
          callback(null, response);
        } catch (error) {
          run.end(error);
          callback(toStatus(error, run.ending));
        }
      })();
    };
  }

  stream<Request, Response>(
    rpc: string,
    serve: (context: CallContext, request: Request) => AsyncIterable<Response>,
    audited?: (request: Request) => AuditSubject,
  ): handleServerStreamingCall<Request, Response> {
    return (call) => {
      const run = this.#begin(rpc, call, audited);
      void (async () => {
        let release: (() => void) | undefined;
        try {
          const context = await run.admit(call);
          release = this.#options.admission.openStream(context.pod.uid);
          await pump(serve(context, call.request), call, run.ending.signal, this.#options.metrics);
          run.end(undefined);
          call.end();
        } catch (error) {
          run.end(error);
          // grpc-js turns an emitted status into the trailers of the stream.
          call.emit('error', toStatus(error, run.ending));
        } finally {
          release?.();
        }
      })();
    };
  }

  #begin<Request>(
    rpc: string,
    call: ServerUnaryCall<Request, unknown> | ServerWritableStream<Request, unknown>,
    audited: ((request: Request) => AuditSubject) | undefined,
  ) {
    const { admission, log, metrics, stopping, tracer } = this.#options;
    const audit = audited === undefined ? undefined : this.#options.audit?.begin();
    const started = performance.now();
    const startedAt = tracer === undefined ? 0 : Date.now();
    const [traceparent] = call.metadata.get('traceparent');
    const parent = typeof traceparent === 'string' ? parseTraceparent(traceparent) : undefined;
    const ending = new CallEnd();
    const facts: Record<string, string | number> = {};
    const peer = call.getPeer();
    let pod: Pod | undefined;
    let caller: Caller | undefined;
    // grpc-js says so of calls that have ended, too.
    call.on('cancelled', () => {
      if (!ending.aborted) ending.abort(cancellation(call));
    });
    if (stopping.aborted) ending.abort(stopped());
    else this.#running.add(ending);
    return {
      ending,
      admit: async (of: AnyCall): Promise<CallContext> => {
        caller = this.#options.callerOf(peer);
        if (caller.kind === 'pod') caller.process?.verifyInTurn();
        facts.caller = caller.kind === 'pod' ? (caller.process?.containerId?.slice(0, 12) ?? '') : 'admin';
        if (caller.kind === 'pod') admission.admit(caller.podUid);
        pod = await this.#options.podOf(caller, of.metadata.get('podhand-pod')[0]?.toString(), ending);
        return {
          pod,
          caller,
          facts,
          audit,
          get signal() {
            return ending.signal;
          },
        };
      },
      end: (error: unknown): void => {
        const known = error === undefined ? undefined : classify(error, ending);
        this.#running.delete(ending);
        ending.abort(over);
        const took = performance.now() - started;
        const code = known?.code ?? 0;
        const reason = known?.reason ?? 'OK';
        metrics.called(rpc, reason, code, took);
        const ms = Math.round(took * 100) / 100;
        const { container } = facts;
        const traceId = tracer?.ended({ rpc, parent, startedAt, ms, pod, container, code, reason }) ?? parent?.traceId;
        if (audit !== undefined && audited !== undefined) {
          const end = { rpc, pod, caller, bytes: facts.bytes, code, reason, ms, traceId };
          this.#options.audit?.ended(audited(call.request), audit, end);
        }
        const line = {
          rpc,
          pod: pod && `${pod.namespace}/${pod.name}`,
          ...facts,
          code,
          ms,
          traceId,
        };
        if (known === undefined) log.info(line, 'call');
        else if (known.reason === 'INTERNAL') log.error({ ...line, reason: known.reason, err: known.cause }, 'call');
        else log.info({ ...line, reason: known.reason, error: known.message }, 'call');
      },
    };
  }
}

function stopped(): PodhandError {
  return new PodhandError('AGENT_STOPPING', 'the agent is stopping; call again');
}

function cancellation(call: AnyCall): PodhandError {
  const deadline = call.getDeadline();
  const at = deadline instanceof Date ? deadline.getTime() : deadline;
  // grpc-js says 'cancelled' for both; a timer may fire a little before the deadline's own millisecond.
  if (Number.isFinite(at) && Date.now() >= at - 5)
    return new PodhandError('DEADLINE_EXCEEDED', 'the deadline of the call has passed');
  return new PodhandError('CANCELLED', 'the call was cancelled');
}
