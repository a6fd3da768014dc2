// Reads the conformance data set for tests: OTLP/JSON whose times are nanoseconds relative to a base time.
import { readFileSync } from 'node:fs';
import type { PlainAttrs, PlainSpan, PlainTrace, PlainValue } from '@vivace/testkit';

interface JsonValue {
  readonly stringValue?: string;
  readonly intValue?: string;
  readonly doubleValue?: number;
  readonly boolValue?: boolean;
  readonly arrayValue?: { readonly values: readonly JsonValue[] };
}
type JsonAttrs = readonly { readonly key: string; readonly value: JsonValue }[];
interface JsonSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly traceState?: string;
  readonly attributes: JsonAttrs;
  readonly status: { readonly code?: number; readonly message?: string };
  readonly events?: readonly { readonly name: string; readonly timeUnixNano: string; readonly attributes: JsonAttrs }[];
  readonly links?: readonly { readonly traceId: string; readonly spanId: string; readonly attributes: JsonAttrs }[];
}
interface JsonResourceSpans {
  readonly resource: { readonly attributes: JsonAttrs };
  readonly scopeSpans: readonly {
    readonly scope: { readonly name: string; readonly version: string; readonly attributes: JsonAttrs };
    readonly spans: readonly JsonSpan[];
  }[];
}

/** The traces of `testdata/conformance/dataset.json`, moved to `baseNs`, spans in the order received. */
export function conformanceTraces(baseNs: bigint): readonly PlainTrace[] {
  const data = JSON.parse(readFileSync(new URL('../../../testdata/conformance/dataset.json', import.meta.url), 'utf8')) as readonly JsonResourceSpans[];
  const traces = new Map<string, PlainSpan[]>();
  for (const { resource, scopeSpans } of data) {
    for (const { scope, spans } of scopeSpans) {
      for (const span of spans) {
        const plain = toPlain(span, baseNs, attrsOf(resource.attributes), { name: scope.name, version: scope.version, attrs: attrsOf(scope.attributes) });
        const known = traces.get(span.traceId);
        if (known) known.push(plain);
        else traces.set(span.traceId, [plain]);
      }
    }
  }
  return [...traces].map(([traceId, spans]) => ({ traceId, spans }));
}

function toPlain(span: JsonSpan, baseNs: bigint, resource: PlainAttrs, scope: PlainSpan['scope']): PlainSpan {
  return {
    spanId: span.spanId,
    parentId: span.parentSpanId,
    name: span.name,
    kind: span.kind,
    startNs: baseNs + BigInt(span.startTimeUnixNano),
    endNs: baseNs + BigInt(span.endTimeUnixNano),
    status: span.status.code ?? 0,
    statusMessage: span.status.message ?? '',
    traceState: span.traceState ?? '',
    attrs: attrsOf(span.attributes),
    events: (span.events ?? []).map((event) => ({ name: event.name, timeNs: baseNs + BigInt(event.timeUnixNano), attrs: attrsOf(event.attributes) })),
    links: (span.links ?? []).map((link) => ({ traceId: link.traceId, spanId: link.spanId, attrs: attrsOf(link.attributes) })),
    resource,
    scope,
  };
}

function attrsOf(attrs: JsonAttrs): PlainAttrs {
  return attrs.map(({ key, value }) => [key, valueOf(value)] as const);
}

function valueOf(value: JsonValue): PlainValue {
  if (value.stringValue !== undefined) return value.stringValue;
  if (value.intValue !== undefined) return BigInt(value.intValue);
  if (value.doubleValue !== undefined) return value.doubleValue;
  if (value.boolValue !== undefined) return value.boolValue;
  return (value.arrayValue?.values ?? []).map(valueOf);
}
