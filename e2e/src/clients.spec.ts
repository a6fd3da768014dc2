import { OTLPTraceExporter as GrpcExporter } from '@opentelemetry/exporter-trace-otlp-grpc';
import { OTLPTraceExporter as JsonExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { OTLPTraceExporter as ProtoExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import type { SpanExporter } from '@opentelemetry/sdk-trace';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sendTrace } from './otel-sdk.ts';
import { generateTraces, installTelemetrygen } from './telemetrygen.ts';
import type { FoundSpan } from './trace-answer.ts';
import { findTrace, search } from './trace-answer.ts';
import { Vivace } from './vivace.ts';

// Everything a real client sends is found by id, field by field, and by search; recent and from blocks.

let vivace: Vivace;
const sent = new Map<string, readonly FoundSpan[]>();

const EXPORTERS: Readonly<Record<string, () => SpanExporter>> = {
  'sdk-grpc': () => new GrpcExporter({ url: `http://${vivace.otlpGrpc}` }),
  'sdk-http-proto': () => new ProtoExporter({ url: `${vivace.otlpHttp}/v1/traces` }),
  'sdk-http-json': () => new JsonExporter({ url: `${vivace.otlpHttp}/v1/traces` }),
};
const SERVICES = Object.keys(EXPORTERS);

const GENERATED_TRACES = 50;
const CHILD_SPANS = 3;
/** Its default; the root lasts as long as its children together. */
const SPAN_NANOS = 123_000n;
const GENERATED: Readonly<Record<string, () => readonly string[]>> = {
  'telemetrygen-grpc': () => ['--otlp-endpoint', vivace.otlpGrpc],
  'telemetrygen-http': () => ['--otlp-endpoint', vivace.otlpHttp.replace('http://', ''), '--otlp-http'],
};
const GENERATED_SERVICES = Object.keys(GENERATED);

beforeAll(async () => {
  const telemetrygen = await installTelemetrygen();
  vivace = await Vivace.create();
  await vivace.start();
  for (const [service, exporter] of Object.entries(EXPORTERS)) sent.set(service, await sendTrace(service, exporter()));
  for (const [service, endpoint] of Object.entries(GENERATED)) {
    await generateTraces(telemetrygen, [
      ...endpoint(),
      ...['--service', service, '--traces', String(GENERATED_TRACES), '--child-spans', String(CHILD_SPANS), '--rate', '0', '--span-links', '2'],
      ...['--status-code', 'Error', '--otlp-attributes', 'zone="b"', '--telemetry-attributes', 'shard=7', '--telemetry-attributes', 'cached=true'],
    ]);
  }
}, 600_000);
afterAll(async () => {
  await vivace.destroy();
  expect(vivace.errors()).toEqual([]);
});

describe('recent', () => {
  it('has nothing in blocks', () => expect(vivace.blocks()).toEqual([]));
  findEverything();
});

describe('from blocks', () => {
  beforeAll(async () => {
    await vivace.flush();
    expect(vivace.blocks()).not.toEqual([]);
    // Nothing recent is left after this.
    await vivace.kill('SIGTERM');
    await vivace.start();
  });
  findEverything();
});

/** What the spans of `sendTrace` answer, each by the names of the spans it finds. */
const QUESTIONS: readonly (readonly [condition: string, names: readonly string[]])[] = [
  ['true', ['GET /orders/{id}', 'POST', 'process', 'publish', 'work']],
  ['name = "process"', ['process']],
  ['kind = server', ['GET /orders/{id}']],
  ['kind = internal', ['work']],
  ['status = error && statusMessage = "connection refused"', ['POST']],
  ['status = ok', ['publish']],
  ['span.text = "grün 🌲"', ['GET /orders/{id}']],
  ['span.int = 42 && span.int.negative < 0 && span.int.large = 9007199254740991', ['GET /orders/{id}']],
  ['span.double > 2.4 && span.double.small < 0.000001', ['GET /orders/{id}']],
  ['span.yes = true && span.no = false', ['GET /orders/{id}']],
  ['span.texts = "b" && span.ints = 3 && span.doubles = 1.5', ['GET /orders/{id}']],
  ['span.bytes = nil && span.map = nil && span.text != nil', ['GET /orders/{id}']],
  ['span.step =~ "p.*"', ['process', 'publish']],
  ['event:name = "retry" && event.attempt = 2 && event.backoff < 0.3', ['POST']],
  ['event.exception.message = "refused"', ['POST']],
  ['link.rel = "follows" && link:traceID = "abcdef0123456789abcdef0123456789"', ['publish']],
  ['resource.service.version = "1.2.3" && resource.replicas = 3 && resource.canary = true && name = "work"', ['work']],
  ['instrumentation:name = "e2e-tracer" && instrumentation:version = "4.5.6" && name = "work"', ['work']],
  ['trace:rootName = "GET /orders/{id}" && name = "work"', ['work']],
];

function findEverything(): void {
  describe.each(SERVICES)('%s', (service) => {
    const spans = () => sent.get(service) ?? [];

    it('is found by id, every field', async () => {
      expect(spans()).toHaveLength(5);
      expect(await findTrace(vivace, spans()[0].traceId)).toEqual(spans());
    });

    it.each(QUESTIONS)('is found by %s', async (condition, names) => {
      const found = await search(vivace, `{ resource.service.name = "${service}" && ${condition} }`);
      const nameOf = new Map(spans().map(({ spanId, name }) => [spanId, name]));
      expect(found.map(({ traceID, rootServiceName, rootTraceName }) => ({ traceID, rootServiceName, rootTraceName }))).toEqual([
        { traceID: spans()[0].traceId, rootServiceName: service, rootTraceName: 'GET /orders/{id}' },
      ]);
      expect(found[0].spanSets.flatMap((set) => set.spans.map(({ spanID }) => nameOf.get(spanID))).sort()).toEqual(names);
    });
  });

  describe.each(GENERATED_SERVICES)('%s', (service) => {
    it('is found by search, whole', async () => {
      const found = await search(
        vivace,
        `{ resource.service.name = "${service}" && resource.zone = "b" && span.shard = 7 && span.cached = true && status = error }`,
      );
      expect(found).toHaveLength(GENERATED_TRACES);
      for (const { spanSets } of found) expect(spanSets.map(({ matched }) => matched)).toEqual([CHILD_SPANS + 1]);
    });

    it('is found by id, every span in its place', async () => {
      const found = await search(vivace, `{ resource.service.name = "${service}" }`);
      const ids = found.map(({ traceID }) => traceID);
      let links = 0;
      for (const traceID of ids) {
        const spans = await findTrace(vivace, traceID);
        const roots = spans.filter(({ parentSpanId }) => parentSpanId === '');
        const children = spans.filter(({ parentSpanId }) => parentSpanId !== '');
        expect(roots).toMatchObject([{ traceId: traceID, name: 'lets-go', kind: 'SPAN_KIND_CLIENT' }]);
        expect(children.map(({ name }) => name).sort()).toEqual(Array.from({ length: CHILD_SPANS }, (_, i) => `okey-dokey-${i}`));
        for (const span of children) expect(span).toMatchObject({ traceId: traceID, parentSpanId: roots[0].spanId, kind: 'SPAN_KIND_SERVER' });
        for (const span of spans) {
          expect(span.status.code).toBe('STATUS_CODE_ERROR');
          // To spans of this run; the first of it have nothing to link to.
          for (const link of span.links) expect(ids).toContain(link.traceId);
          links += span.links.length;
          expect(span.attributes).toEqual(
            expect.arrayContaining([
              { key: 'shard', value: { intValue: '7' } },
              { key: 'cached', value: { boolValue: true } },
            ]),
          );
          expect(span.resource).toEqual(expect.arrayContaining([{ key: 'service.name', value: { stringValue: service } }]));
          expect(BigInt(span.endTimeUnixNano) - BigInt(span.startTimeUnixNano)).toBe(span === roots[0] ? BigInt(CHILD_SPANS) * SPAN_NANOS : SPAN_NANOS);
        }
      }
      expect(links).toBeGreaterThan(GENERATED_TRACES * CHILD_SPANS);
    });
  });
}
