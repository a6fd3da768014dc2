import type { PlainAttrs, PlainTrace, PlainValue } from '../plain.ts';

/** `testdata/traceql/dataset.json`: times in nanoseconds relative to a base; a JSON number is a double, `{"int":n}` an integer. */
export interface TraceqlDataset {
  readonly traces: readonly DatasetTrace[];
}

interface DatasetTrace {
  readonly traceId: string;
  readonly spans: readonly DatasetSpan[];
}

interface DatasetSpan {
  readonly id: string;
  readonly parent?: string;
  readonly name: string;
  readonly kind: number;
  readonly off: number;
  readonly dur: number;
  readonly res?: DatasetAttrs;
  readonly attrs?: DatasetAttrs;
  readonly status?: { readonly code?: number; readonly message?: string };
  readonly scope?: { readonly name: string; readonly version: string; readonly attrs?: DatasetAttrs };
  readonly events?: readonly { readonly name: string; readonly at: number; readonly attrs?: DatasetAttrs }[];
  readonly links?: readonly { readonly traceId: string; readonly spanId: string; readonly attrs?: DatasetAttrs }[];
}

type DatasetAttrs = Readonly<Record<string, DatasetValue>>;
type DatasetValue = string | number | boolean | readonly DatasetValue[] | { readonly int: number } | { readonly kv: DatasetAttrs };

/** The traces of the corpus that proves the meaning of TraceQL, `baseNs` being time zero. */
export function plainTracesOf(dataset: TraceqlDataset, baseNs: bigint): readonly PlainTrace[] {
  return dataset.traces.map(({ traceId, spans }) => ({ traceId, spans: spans.map((span) => plainSpan(span, baseNs)) }));
}

function plainSpan(span: DatasetSpan, baseNs: bigint): PlainTrace['spans'][number] {
  const startNs = baseNs + BigInt(span.off);
  return {
    spanId: span.id,
    parentId: span.parent ?? '',
    name: span.name,
    kind: span.kind,
    startNs,
    endNs: startNs + BigInt(span.dur),
    status: span.status?.code ?? 0,
    statusMessage: span.status?.message ?? '',
    attrs: plainAttrs(span.attrs),
    events: (span.events ?? []).map((event) => ({ name: event.name, timeNs: startNs + BigInt(event.at), attrs: plainAttrs(event.attrs) })),
    links: (span.links ?? []).map((link) => ({ traceId: link.traceId, spanId: link.spanId, attrs: plainAttrs(link.attrs) })),
    resource: plainAttrs(span.res),
    scope: { name: span.scope?.name ?? '', version: span.scope?.version ?? '', attrs: plainAttrs(span.scope?.attrs) },
  };
}

function plainAttrs(attrs: DatasetAttrs = {}): PlainAttrs {
  return Object.entries(attrs).map(([key, value]) => [key, plainValue(value)]);
}

function plainValue(value: DatasetValue): PlainValue {
  if (typeof value !== 'object') return value;
  if ('int' in value) return BigInt(value.int);
  if ('kv' in value) return { kvlist: Object.fromEntries(plainAttrs(value.kv)) };
  return value.map(plainValue);
}
