import { setTimeout as sleep } from 'node:timers/promises';
import type { SpanExporter } from '@opentelemetry/sdk-trace';
import type { Logger } from 'pino';
import type { CallTracer } from './call-tracer.ts';

interface Options {
  /** Base address of a collector that takes OTLP over HTTP: `http://host:4318`. */
  readonly endpoint: string;
  readonly version: string;
  readonly nodeName: string;
  readonly log: Logger;
}

const service = 'podhand.v1.ExecutorService';
const exportWithinMs = 3_000;

/**
 * Sends one span per call to a collector, in batches, each second. What the collector does not take in time is lost,
 * and at most 2048 spans wait: calls never wait for it. OpenTelemetry is loaded here and nowhere else, so that an agent
 * without an endpoint does not have it in memory.
 */
export async function startTracing({ endpoint, version, nodeName, log }: Options): Promise<CallTracer> {
  const [api, sdk, { OTLPTraceExporter }, { resourceFromAttributes }] = await Promise.all([
    import('@opentelemetry/api'),
    import('@opentelemetry/sdk-trace'),
    import('@opentelemetry/exporter-trace-otlp-http'),
    import('@opentelemetry/resources'),
  ]);
  const url = `${endpoint.replace(/\/+$/, '')}/v1/traces`;
  const exporter = told(new OTLPTraceExporter({ url, timeoutMillis: exportWithinMs }), log);
  const provider = new sdk.TracerProvider({
    resource: resourceFromAttributes({
      'service.name': 'podhand',
      'service.version': version,
      'k8s.node.name': nodeName,
    }),
    spanProcessors: [
      new sdk.BatchSpanProcessor({
        exporter,
        scheduledDelayMillis: 1000,
        exportTimeoutMillis: exportWithinMs,
        maxQueueSize: 2048,
      }),
    ],
  });
  const tracer = provider.getTracer('podhand', version);
  return {
    ended: ({ rpc, parent, startedAt, ms, pod, container, code, reason }) => {
      const context =
        parent === undefined
          ? api.ROOT_CONTEXT
          : api.trace.setSpanContext(api.ROOT_CONTEXT, {
              traceId: parent.traceId,
              spanId: parent.spanId,
              traceFlags: parent.sampled ? api.TraceFlags.SAMPLED : api.TraceFlags.NONE,
              isRemote: true,
            });
      const attributes = {
        'rpc.system': 'grpc',
        'rpc.service': service,
        'rpc.method': rpc,
        'rpc.grpc.status_code': code,
        'podhand.reason': reason,
        ...(pod && { 'k8s.namespace.name': pod.namespace, 'k8s.pod.name': pod.name, 'k8s.pod.uid': pod.uid }),
        ...(typeof container === 'string' && { 'k8s.container.name': container }),
      };
      const kind = api.SpanKind.SERVER;
      const span = tracer.startSpan(`${service}/${rpc}`, { kind, startTime: startedAt, attributes }, context);
      if (code !== 0) span.setStatus({ code: api.SpanStatusCode.ERROR, message: reason });
      span.end(startedAt + ms);
      return span.spanContext().traceId;
    },
    close: async () => {
      const late = sleep(exportWithinMs, undefined, { ref: false });
      // Rejects where the last spans could not be sent; the exporter has said so.
      await Promise.race([provider.shutdown().catch(() => undefined), late]);
    },
  };
}

/** The same exporter; the log has a line when the collector stops taking spans, and one when it takes them again. */
function told(exporter: SpanExporter, log: Logger): SpanExporter {
  let failing = false;
  return {
    export: (spans, done) =>
      exporter.export(spans, (result) => {
        const failed = result.code !== 0;
        if (failed && !failing)
          log.warn({ err: result.error, spans: spans.length }, 'spans are lost: the collector does not take them');
        if (!failed && failing) log.info('the collector takes spans again');
        failing = failed;
        done(result);
      }),
    shutdown: () => exporter.shutdown(),
    forceFlush: () => exporter.forceFlush?.() ?? Promise.resolve(),
  };
}
