import type { QueryDoor } from './server-process.ts';

// The spans of a trace as the API gives them, every field there, defaults filled in, ids as hex.

export interface AnyValue {
  readonly stringValue?: string;
  readonly intValue?: string;
  readonly doubleValue?: number;
  readonly boolValue?: boolean;
  readonly bytesValue?: string;
  readonly arrayValue?: { readonly values?: readonly AnyValue[] };
  readonly kvlistValue?: { readonly values?: readonly KeyValue[] };
}

export interface KeyValue {
  readonly key: string;
  readonly value: AnyValue;
}

export interface FoundSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly traceState: string;
  readonly name: string;
  readonly kind: string;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly KeyValue[];
  readonly droppedAttributesCount: number;
  readonly events: readonly {
    readonly name: string;
    readonly timeUnixNano: string;
    readonly attributes: readonly KeyValue[];
    readonly droppedAttributesCount: number;
  }[];
  readonly droppedEventsCount: number;
  readonly links: readonly {
    readonly traceId: string;
    readonly spanId: string;
    readonly traceState: string;
    readonly attributes: readonly KeyValue[];
    readonly droppedAttributesCount: number;
  }[];
  readonly droppedLinksCount: number;
  readonly status: { readonly code: string; readonly message: string };
  readonly resource: readonly KeyValue[];
  readonly scope: { readonly name: string; readonly version: string };
}

interface TraceJson {
  readonly trace: {
    readonly resourceSpans?: readonly {
      readonly resource?: { readonly attributes?: readonly KeyValue[] };
      readonly scopeSpans?: readonly { readonly scope?: Partial<FoundSpan['scope']>; readonly spans?: readonly Partial<FoundSpan>[] }[];
    }[];
  };
}

export const byKey = (attributes: readonly KeyValue[] = []): readonly KeyValue[] => [...attributes].sort((a, b) => (a.key < b.key ? -1 : 1));
const hex = (base64 = ''): string => Buffer.from(base64, 'base64').toString('hex');

/** The spans of a trace by span id; none when it is unknown. */
export async function findTrace(vivace: QueryDoor, traceId: string, headers: Readonly<Record<string, string>> = {}): Promise<readonly FoundSpan[]> {
  const { status, body } = await vivace.get(`/api/v2/traces/${traceId}`, headers);
  if (status !== 200) throw new Error(`trace ${traceId}: ${status} ${body}`);
  return ((JSON.parse(body) as TraceJson).trace.resourceSpans ?? [])
    .flatMap(({ resource, scopeSpans = [] }) =>
      scopeSpans.flatMap(({ scope, spans = [] }) => spans.map((span) => foundSpan(span, resource?.attributes, scope))),
    )
    .sort((a, b) => (a.spanId < b.spanId ? -1 : 1));
}

function foundSpan(span: Partial<FoundSpan>, resource: readonly KeyValue[] | undefined, scope: Partial<FoundSpan['scope']> = {}): FoundSpan {
  return {
    ...DEFAULTS,
    ...span,
    traceId: hex(span.traceId),
    spanId: hex(span.spanId),
    parentSpanId: hex(span.parentSpanId),
    attributes: byKey(span.attributes),
    events: (span.events ?? []).map((event) => ({ ...{ droppedAttributesCount: 0 }, ...event, attributes: byKey(event.attributes) })),
    links: (span.links ?? []).map((link) => ({
      ...{ traceState: '', droppedAttributesCount: 0 },
      ...link,
      traceId: hex(link.traceId),
      spanId: hex(link.spanId),
      attributes: byKey(link.attributes),
    })),
    status: { code: 'STATUS_CODE_UNSET', message: '', ...span.status },
    resource: byKey(resource),
    scope: { name: '', version: '', ...scope },
  };
}

const DEFAULTS = {
  traceState: '',
  name: '',
  kind: 'SPAN_KIND_UNSPECIFIED',
  startTimeUnixNano: '0',
  endTimeUnixNano: '0',
  droppedAttributesCount: 0,
  droppedEventsCount: 0,
  droppedLinksCount: 0,
};

export interface FoundTrace {
  readonly traceID: string;
  readonly rootServiceName?: string;
  readonly rootTraceName?: string;
  readonly spanSets: readonly { readonly matched: number; readonly spans: readonly { readonly spanID: string }[] }[];
}

/** What a search from `startSec` on finds; of the last hour unless said otherwise. */
export async function search(
  vivace: QueryDoor,
  q: string,
  headers: Readonly<Record<string, string>> = {},
  startSec = Math.ceil(Date.now() / 1000) - 3600,
): Promise<readonly FoundTrace[]> {
  const query = new URLSearchParams({ q, limit: '200000', spss: '100', start: String(startSec), end: String(Math.ceil(Date.now() / 1000) + 60) });
  const { status, body } = await vivace.get(`/api/search?${query}`, headers);
  if (status !== 200) throw new Error(`search ${q}: ${status} ${body}`);
  return (JSON.parse(body) as { traces: FoundTrace[] }).traces;
}
