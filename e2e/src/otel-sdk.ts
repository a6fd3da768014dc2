import type { AnyValue as SdkValue, Attributes, HrTime, Span, Tracer } from '@opentelemetry/api';
import { context, createTraceState, SpanKind, SpanStatusCode, trace, TraceFlags } from '@opentelemetry/api';
import { resourceFromAttributes } from '@opentelemetry/resources';
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace';
import { BatchSpanProcessor, InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import type { AnyValue, FoundSpan, KeyValue } from './trace-answer.ts';
import { byKey } from './trace-answer.ts';

// A trace made and sent by the OpenTelemetry JS SDK, and what should be found of it.

/** Of every type the API has. */
const EVERY_TYPE: Attributes = {
  text: 'grün 🌲',
  'text.empty': '',
  int: 42,
  'int.large': Number.MAX_SAFE_INTEGER,
  'int.negative': -7,
  double: 2.5,
  'double.small': 1e-9,
  yes: true,
  no: false,
  texts: ['a', 'b'],
  ints: [1, 2, 3],
  doubles: [0.5, 1.5],
  bools: [true, false],
  mixed: ['a', 1, true, [0.5]],
  bytes: new Uint8Array([0, 127, 255]),
  map: { a: 1, nested: { b: ['c'] } },
};

const LINKED = { traceId: 'abcdef0123456789abcdef0123456789', spanId: '0123456789abcdef', traceFlags: TraceFlags.SAMPLED };

/** Makes one trace of five spans and resolves with what was sent, once the exporter has delivered it. */
export async function sendTrace(service: string, exporter: SpanExporter): Promise<readonly FoundSpan[]> {
  const sent = new InMemorySpanExporter();
  const provider = new TracerProvider({
    resource: resourceFromAttributes({ 'service.name': service, 'service.version': '1.2.3', replicas: 3, canary: true }),
    spanProcessors: [new SimpleSpanProcessor({ exporter: sent }), new BatchSpanProcessor({ exporter })],
    spanLimits: { eventCountLimit: 3, linkCountLimit: 2 },
  });
  makeSpans(provider.getTracer('e2e-tracer', '4.5.6'));
  await provider.forceFlush();
  const spans = sent.getFinishedSpans().map(expectedSpan);
  await provider.shutdown();
  return spans.sort((a, b) => (a.spanId < b.spanId ? -1 : 1));
}

function makeSpans(tracer: Tracer): void {
  const root = tracer.startSpan('GET /orders/{id}', { kind: SpanKind.SERVER, attributes: EVERY_TYPE });
  const client = childOf(tracer, root, 'POST', SpanKind.CLIENT);
  client.setStatus({ code: SpanStatusCode.ERROR, message: 'connection refused' });
  client.recordException(new Error('refused'));
  client.addEvent('retry', { attempt: 2, backoff: 0.25, last: false });
  const producer = childOf(tracer, root, 'publish', SpanKind.PRODUCER);
  producer.setStatus({ code: SpanStatusCode.OK });
  producer.addLink({ context: LINKED, attributes: { rel: 'follows' } });
  producer.addLink({ context: { ...LINKED, spanId: 'fedcba9876543210', traceState: createTraceState('vendor=x') } });
  const consumer = childOf(tracer, producer, 'process', SpanKind.CONSUMER);
  const inner = childOf(tracer, consumer, 'work', SpanKind.INTERNAL);
  // More than the limit, so that a count of what was dropped goes along.
  for (let i = 0; i < 5; i++) inner.addEvent(`tick-${i}`);
  for (let i = 0; i < 4; i++) inner.addLink({ context: LINKED });
  for (const span of [inner, consumer, producer, client, root]) span.end();
}

function childOf(tracer: Tracer, parent: Span, name: string, kind: SpanKind): Span {
  return tracer.startSpan(name, { kind, attributes: { step: name } }, trace.setSpan(context.active(), parent));
}

const KINDS = ['INTERNAL', 'SERVER', 'CLIENT', 'PRODUCER', 'CONSUMER'];
const STATUS_CODES = ['UNSET', 'OK', 'ERROR'];

function expectedSpan(span: ReadableSpan): FoundSpan {
  const { traceId, spanId, traceState } = span.spanContext();
  return {
    traceId,
    spanId,
    parentSpanId: span.parentSpanContext?.spanId ?? '',
    traceState: traceState?.serialize() ?? '',
    name: span.name,
    kind: `SPAN_KIND_${KINDS[span.kind]}`,
    startTimeUnixNano: nanosOf(span.startTime),
    endTimeUnixNano: nanosOf(span.endTime),
    attributes: attributesOf(span.attributes),
    droppedAttributesCount: span.droppedAttributesCount,
    events: span.events.map(({ name, time, attributes, droppedAttributesCount }) => ({
      name,
      timeUnixNano: nanosOf(time),
      attributes: attributesOf(attributes),
      droppedAttributesCount: droppedAttributesCount ?? 0,
    })),
    droppedEventsCount: span.droppedEventsCount,
    links: span.links.map((link) => ({
      traceId: link.context.traceId,
      spanId: link.context.spanId,
      traceState: link.context.traceState?.serialize() ?? '',
      attributes: attributesOf(link.attributes),
      droppedAttributesCount: link.droppedAttributesCount ?? 0,
    })),
    droppedLinksCount: span.droppedLinksCount,
    status: { code: `STATUS_CODE_${STATUS_CODES[span.status.code]}`, message: span.status.message ?? '' },
    resource: attributesOf(span.resource.attributes),
    scope: { name: span.instrumentationScope.name, version: span.instrumentationScope.version ?? '' },
  };
}

function nanosOf([seconds, nanos]: HrTime): string {
  return String(BigInt(seconds) * 1_000_000_000n + BigInt(nanos));
}

function attributesOf(attributes: Attributes = {}): readonly KeyValue[] {
  return byKey(Object.entries(attributes).map(([key, value]) => ({ key, value: valueOf(value) })));
}

function valueOf(value: SdkValue): AnyValue {
  if (typeof value === 'string') return { stringValue: value };
  if (typeof value === 'boolean') return { boolValue: value };
  if (typeof value === 'number') return Number.isInteger(value) ? { intValue: String(value) } : { doubleValue: value };
  if (Array.isArray(value)) return { arrayValue: { values: value.map(valueOf) } };
  if (value instanceof Uint8Array) return { bytesValue: Buffer.from(value).toString('base64') };
  if (value === null || value === undefined) return {};
  return { kvlistValue: { values: Object.entries(value).map(([key, inner]) => ({ key, value: valueOf(inner) })) } };
}
