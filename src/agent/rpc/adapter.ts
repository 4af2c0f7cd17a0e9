import type { handleServerStreamingCall, handleUnaryCall, ServerUnaryCall, ServerWritableStream } from '@grpc/grpc-js';
import type { Logger } from 'pino';
import { PodhandError, type Reason } from '../../wire/errors.ts';
import { parseTraceparent } from '../../wire/trace-context.ts';
import type { CallContext, Caller } from '../connection/caller.ts';
import { SparseLog } from '../connection/sparse-log.ts';
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
/** What a call about the agent itself is served with. */
type AgentContext = Pick<CallContext, 'caller' | 'signal'>;

interface Method<Request, Context> {
  readonly rpc: string;
  readonly audited?: ((request: Request) => AuditSubject) | undefined;
  /** Of calls that no operator asks for: neither spans nor, where all goes well, lines of the log. */
  readonly quiet?: boolean;
  /** Whether such a call goes on for as long as its container does, or its caller wants. */
  readonly isEndless?: ((request: Request) => boolean) | undefined;
  /** Admits the call, and answers what it is served with. */
  admit(run: Run, call: AnyCall): Context | Promise<Context>;
}

interface Run {
  readonly ending: CallEnd;
  /** Knows and admits the caller. */
  admit(): Caller;
  /** The same, and finds the pod that the call is about. */
  admitForPod(call: AnyCall): Promise<CallContext>;
  openStream(caller: Caller): () => void;
  end(error: unknown): void;
}

const forPod = { admit: (run: Run, call: AnyCall): Promise<CallContext> => run.admitForPod(call) };
const forAgent = {
  quiet: true,
  admit: (run: Run): AgentContext => {
    const caller = run.admit();
    return {
      caller,
      get signal() {
        return run.ending.signal;
      },
    };
  },
};

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
  readonly #endless = new WeakSet<CallEnd>();
  #draining = false;
  readonly #refusals: SparseLog;

  constructor(options: Options) {
    this.#options = options;
    this.#refusals = new SparseLog(options.log);
    const stop = () => {
      for (const call of this.#running) call.abort(stopped());
    };
    options.stopping.addEventListener('abort', stop, { once: true });
  }

  /** The agent drains from now on: what has an end may go on to it, and what has none is told to call again. */
  drain(): void {
    this.#draining = true;
    for (const call of this.#running) if (this.#endless.has(call)) call.abort(stopped());
  }

  unary<Request, Response>(
    rpc: string,
    serve: (context: CallContext, request: Request) => Response | Promise<Response>,
    audited?: (request: Request) => AuditSubject,
  ): handleUnaryCall<Request, Response> {
    return this.#unary({ ...forPod, rpc, audited }, serve);
  }

  stream<Request, Response>(
    rpc: string,
    serve: (context: CallContext, request: Request) => AsyncIterable<Response>,
    more: Pick<Method<Request, CallContext>, 'audited' | 'isEndless'> = {},
  ): handleServerStreamingCall<Request, Response> {
    return this.#stream({ ...forPod, ...more, rpc }, serve);
  }

  /** Of calls about no pod, but the agent itself. */
  unaryOfAgent<Request, Response>(
    rpc: string,
    serve: (context: AgentContext, request: Request) => Response,
  ): handleUnaryCall<Request, Response> {
    return this.#unary({ ...forAgent, rpc }, serve);
  }

  streamOfAgent<Request, Response>(
    rpc: string,
    serve: (context: AgentContext, request: Request) => AsyncIterable<Response>,
  ): handleServerStreamingCall<Request, Response> {
    return this.#stream({ ...forAgent, rpc }, serve);
  }

  #unary<Request, Response, Context>(
    method: Method<Request, Context>,
    serve: (context: Context, request: Request) => Response | Promise<Response>,
  ): handleUnaryCall<Request, Response> {
    this.#options.metrics.offered(method.rpc, forOperators);
    return (call, callback) => {
      // `getPeer()` forgets the connection as soon as it closes: everything is taken now, in this tick.
      const run = this.#begin(method, call);
      void (async () => {
        try {
          const context = await method.admit(run, call);
          const response = await serve(context, call.request);
          run.end(undefined);
          callback(null, response);
        } catch (error) {
          // Before its end, which is a reason of its own.
          const status = toStatus(error, run.ending);
          run.end(error);
          callback(status);
        }
      })();
    };
  }

  #stream<Request, Response, Context extends AgentContext>(
    method: Method<Request, Context>,
    serve: (context: Context, request: Request) => AsyncIterable<Response>,
  ): handleServerStreamingCall<Request, Response> {
    this.#options.metrics.offered(method.rpc, forOperators);
    return (call) => {
      const run = this.#begin(method, call);
      void (async () => {
        let release: (() => void) | undefined;
        try {
          const context = await method.admit(run, call);
          release = run.openStream(context.caller);
          await pump(serve(context, call.request), call, run.ending.signal, this.#options.metrics);
          run.end(undefined);
          call.end();
        } catch (error) {
          const status = toStatus(error, run.ending);
          run.end(error);
          // grpc-js turns an emitted status into the trailers of the stream.
          call.emit('error', status);
        } finally {
          release?.();
        }
      })();
    };
  }

  /** A pod can have as many calls refused as it likes. */
  #refused(caller: Caller | undefined, facts: object): void {
    this.#refusals.warn(caller?.kind === 'pod' ? caller.podUid : 'admin', facts, 'call refused: too many');
  }

  #begin<Request>(
    { rpc, audited, isEndless, quiet = false }: Method<Request, unknown>,
    call: ServerUnaryCall<Request, unknown> | ServerWritableStream<Request, unknown>,
  ): Run {
    const { admission, log, metrics, stopping } = this.#options;
    const tracer = quiet ? undefined : this.#options.tracer;
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
    const endless = isEndless?.(call.request) === true;
    if (endless) this.#endless.add(ending);
    // Streams that have begun may go on while the agent drains, and the request of one may come then.
    if (stopping.aborted || (endless && this.#draining)) ending.abort(stopped());
    else this.#running.add(ending);
    const admit = (): Caller => {
      caller = this.#options.callerOf(peer);
      if (caller.kind === 'pod') caller.process?.verifyLately();
      facts.caller = caller.kind === 'pod' ? (caller.process?.containerId?.slice(0, 12) ?? '') : 'admin';
      if (caller.kind === 'pod') admission.admit(caller.podUid);
      return caller;
    };
    return {
      ending,
      admit,
      admitForPod: async (of) => {
        const caller = admit();
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
      openStream: (of) => admission.openStream(of, pod?.uid, (reason) => ending.abort(reason)),
      end: (error) => {
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
          this.#options.audit?.ended(() => audited(call.request), audit, end);
        }
        const line = {
          rpc,
          pod: pod && `${pod.namespace}/${pod.name}`,
          ...facts,
          code,
          ms,
          traceId,
        };
        if (known === undefined) log[quiet ? 'debug' : 'info'](line, 'call');
        else if (forOperators.includes(known.reason))
          log.error({ ...line, reason: known.reason, error: known.message, err: known.cause }, 'call');
        else if (known.reason === 'TOO_MANY_CALLS')
          this.#refused(caller, { ...facts, rpc, code, ms, error: known.message });
        else log.info({ ...line, reason: known.reason, error: known.message }, 'call');
      },
    };
  }
}

/** What no caller can mend. */
const forOperators: readonly Reason[] = ['INTERNAL', 'AGENT_LACKS_RIGHT'];

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
