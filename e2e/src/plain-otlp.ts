import type { PlainAttrs, PlainTrace, PlainValue } from '@vivace/testkit';

/** A trace as an OTLP/JSON request; each span in resource spans of its own. */
export function requestOf(trace: PlainTrace): object {
  return {
    resourceSpans: trace.spans.map((span) => ({
      resource: { attributes: attributesOf(span.resource) },
      scopeSpans: [
        {
          scope: { name: span.scope.name, version: span.scope.version, attributes: attributesOf(span.scope.attrs) },
          spans: [
            {
              traceId: trace.traceId,
              spanId: span.spanId,
              parentSpanId: span.parentId,
              name: span.name,
              kind: span.kind,
              startTimeUnixNano: String(span.startNs),
              endTimeUnixNano: String(span.endNs),
              attributes: attributesOf(span.attrs),
              status: { code: span.status, message: span.statusMessage },
              events: span.events.map(({ name, timeNs, attrs }) => ({ name, timeUnixNano: String(timeNs), attributes: attributesOf(attrs) })),
              links: span.links.map(({ traceId, spanId, attrs }) => ({ traceId, spanId, attributes: attributesOf(attrs) })),
            },
          ],
        },
      ],
    })),
  };
}

function attributesOf(attrs: PlainAttrs): object[] {
  return attrs.map(([key, value]) => ({ key, value: anyValueOf(value) }));
}

function anyValueOf(value: PlainValue): object {
  if (value === null) return {};
  if (typeof value === 'string') return { stringValue: value };
  if (typeof value === 'bigint') return { intValue: String(value) };
  if (typeof value === 'number') return { doubleValue: Number.isFinite(value) ? value : String(value) };
  if (typeof value === 'boolean') return { boolValue: value };
  if ('bytes' in value) return { bytesValue: Buffer.from(value.bytes).toString('base64') };
  if ('kvlist' in value) return { kvlistValue: { values: attributesOf(Object.entries(value.kvlist)) } };
  return { arrayValue: { values: value.map(anyValueOf) } };
}
