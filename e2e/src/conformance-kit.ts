import { readFileSync } from 'node:fs';
import type { Vivace } from './vivace.ts';

// Asks what was once asked of a real Tempo and brings answers into the form they were recorded in: free of order, times relative to a base, ids as hex.

export type Kind = 'search' | 'legacy' | 'tags' | 'values' | 'trace' | 'metrics' | 'instant';

export interface Case {
  readonly kind: Kind;
  readonly q?: string;
  readonly tag?: string;
  readonly scope?: string;
  readonly id?: string;
  readonly params?: Readonly<Record<string, string>>;
  readonly limit?: number;
  readonly spss?: number;
  readonly step?: string;
  /** Seconds after the base; the whole data set when absent. */
  readonly from?: number;
  readonly to?: number;
  readonly expect: { readonly status: number; readonly answer?: unknown; readonly text?: string };
}

export const CASES: readonly Case[] = lines(testdata('conformance/cases.jsonl'));

const DATA_SECONDS = 300;
const REQUEST_TRACES = 4;

export function testdata(name: string): string {
  return readFileSync(new URL(`../../testdata/${name}`, import.meta.url), 'utf8');
}

export function lines<T>(text: string): readonly T[] {
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as T);
}

/** What a case asks, for its title. */
export function titleOf(c: Case): string {
  return [c.kind, c.tag ?? c.scope ?? c.id, c.q ?? (c.params && JSON.stringify(c.params)), c.spss && `spss ${c.spss}`].filter(Boolean).join(' ');
}

/** A base time, unix seconds, that puts the data set into the last ten minutes: all of it recent, none of it in the future. */
export function baseTime(): number {
  return Math.floor(Date.now() / 60_000) * 60 - 420;
}

interface Timed {
  startTimeUnixNano?: string;
  endTimeUnixNano?: string;
  timeUnixNano?: string;
}

interface ResourceSpansJson {
  readonly scopeSpans: readonly { readonly spans: readonly (Timed & { readonly events?: readonly Timed[] })[] }[];
}

/** Sends the data set, moved to `baseSec`, over OTLP/HTTP JSON; only the spans that are wanted, which are counted from 0. */
export async function pushDataset(vivace: Vivace, baseSec: number, isWanted: (nr: number) => boolean = () => true): Promise<void> {
  let nr = 0;
  const data = (JSON.parse(testdata('conformance/dataset.json')) as ResourceSpansJson[]).map((resource) => ({
    ...resource,
    scopeSpans: resource.scopeSpans.map((scope) => ({ ...scope, spans: scope.spans.filter(() => isWanted(nr++)) })),
  }));
  const shift = (timed: Timed): void => {
    for (const key of ['startTimeUnixNano', 'endTimeUnixNano', 'timeUnixNano'] as const)
      if (timed[key] !== undefined) timed[key] = String(BigInt(baseSec) * 1_000_000_000n + BigInt(timed[key]));
  };
  for (const { scopeSpans } of data) {
    for (const { spans } of scopeSpans) {
      for (const span of spans) {
        shift(span);
        span.events?.forEach(shift);
      }
    }
  }
  for (let i = 0; i < data.length; i += REQUEST_TRACES) await vivace.push({ resourceSpans: data.slice(i, i + REQUEST_TRACES) });
}

/** The path and query of a case. */
export function urlOf(c: Case, baseSec: number): string {
  const p = new URLSearchParams({ start: String(baseSec + (c.from ?? 0)), end: String(baseSec + (c.to ?? DATA_SECONDS)) });
  switch (c.kind) {
    case 'search':
      p.set('q', c.q ?? '');
      p.set('limit', String(c.limit ?? 1000));
      p.set('spss', String(c.spss ?? 100));
      return `/api/search?${p}`;
    case 'legacy':
      for (const [key, value] of Object.entries(c.params ?? {})) p.set(key, value);
      p.set('limit', String(c.limit ?? 1000));
      return `/api/search?${p}`;
    case 'metrics':
      p.set('q', c.q ?? '');
      p.set('step', c.step ?? '60s');
      p.set('exemplars', '0');
      return `/api/metrics/query_range?${p}`;
    case 'instant':
      p.set('q', c.q ?? '');
      return `/api/metrics/query?${p}`;
    case 'tags':
      if (c.scope) p.set('scope', c.scope);
      if (c.q) p.set('q', c.q);
      return `/api/v2/search/tags?${p}`;
    case 'values':
      if (c.q) p.set('q', c.q);
      return `/api/v2/search/tag/${encodeURIComponent(c.tag ?? '')}/values?${p}`;
    case 'trace':
      return `/api/v2/traces/${c.id}`;
  }
}

/** The body of a good answer in the recorded form. */
export function normalise(kind: Kind, body: string, baseSec: number): unknown {
  const json: unknown = JSON.parse(body);
  switch (kind) {
    case 'search':
    case 'legacy':
      return searchAnswer(json as SearchJson, baseSec);
    case 'tags':
      return tagsAnswer(json as TagsJson);
    case 'values':
      return valuesAnswer(json as ValuesJson);
    case 'trace':
      return traceAnswer(json as TraceJson, baseSec);
    case 'metrics':
    case 'instant':
      return metricsAnswer(json as MetricsJson, baseSec);
  }
}

interface Attribute {
  readonly key: string;
  readonly value?: { readonly stringValue?: string };
}

interface SearchJson {
  readonly traces?: readonly {
    readonly traceID: string;
    readonly rootServiceName?: string;
    readonly rootTraceName?: string;
    readonly startTimeUnixNano?: string;
    readonly durationMs?: number;
    readonly spanSets?: readonly {
      readonly matched?: number;
      readonly attributes?: readonly Attribute[];
      readonly spans?: readonly {
        readonly spanID: string;
        readonly name?: string;
        readonly startTimeUnixNano?: string;
        readonly durationNanos?: string;
        readonly attributes?: readonly Attribute[];
      }[];
    }[];
  }[];
}

interface MetricsJson {
  readonly series?: readonly {
    readonly labels?: readonly Attribute[];
    readonly samples?: readonly { readonly timestampMs: string; readonly value?: number }[];
    readonly value?: number;
  }[];
}

interface TagsJson {
  readonly scopes: readonly { readonly name: string; readonly tags?: readonly string[] }[];
}

interface ValuesJson {
  readonly tagValues?: readonly { readonly type: string; readonly value?: string }[];
}

interface TraceJson {
  readonly trace: {
    readonly resourceSpans?: readonly {
      readonly resource?: { readonly attributes?: readonly Attribute[] };
      readonly scopeSpans?: readonly { readonly scope?: object; readonly spans?: readonly SpanJson[] }[];
    }[];
  };
}

interface SpanJson extends Timed {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly attributes?: readonly Attribute[];
  readonly events?: readonly (Timed & { readonly attributes?: readonly Attribute[] })[];
  readonly links?: readonly { readonly traceId: string; readonly spanId: string }[];
}

const asc = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
const byKey = (a: Attribute, b: Attribute): number => asc(a.key, b.key) || asc(JSON.stringify(a), JSON.stringify(b));
const sorted = (attributes: readonly Attribute[] = []): readonly Attribute[] => [...attributes].sort(byKey);
const hex = (base64 = ''): string => Buffer.from(base64, 'base64').toString('hex');

function relativeTo(baseSec: number): (ns: string | undefined) => string | undefined {
  return (ns) => (ns === undefined ? undefined : String(BigInt(ns) - BigInt(baseSec) * 1_000_000_000n));
}

function searchAnswer({ traces = [] }: SearchJson, baseSec: number): unknown {
  const relative = relativeTo(baseSec);
  return traces
    .map((trace) => ({
      traceID: trace.traceID.padStart(32, '0'),
      rootServiceName: trace.rootServiceName ?? '',
      rootTraceName: trace.rootTraceName ?? '',
      start: relative(trace.startTimeUnixNano ?? '0'),
      durationMs: trace.durationMs ?? 0,
      spanSets: (trace.spanSets ?? [])
        .map((set) => ({
          matched: set.matched ?? 0,
          attributes: sorted(set.attributes),
          spans: (set.spans ?? [])
            .map((span) => ({
              spanID: span.spanID,
              ...(span.name && { name: span.name }),
              start: relative(span.startTimeUnixNano ?? '0'),
              durationNanos: span.durationNanos ?? '0',
              attributes: sorted(span.attributes),
            }))
            .sort((a, b) => asc(a.spanID, b.spanID)),
        }))
        .sort((a, b) => asc(JSON.stringify(a.attributes) + a.spans[0]?.spanID, JSON.stringify(b.attributes) + b.spans[0]?.spanID)),
    }))
    .sort((a, b) => asc(a.traceID, b.traceID));
}

/** Samples as [ms after the base, value], without those that are zero. */
function metricsAnswer({ series = [] }: MetricsJson, baseSec: number): unknown {
  return series
    .map(({ labels, samples, value }) => ({
      labels: sorted(labels),
      samples: samples
        ?.map(({ timestampMs, value = 0 }) => [Number(timestampMs) - baseSec * 1_000, rounded(value)] as const)
        .filter(([, value]) => value !== 0)
        .sort(([a], [b]) => a - b),
      value: value === undefined ? undefined : rounded(value),
    }))
    .sort((a, b) => asc(JSON.stringify(a.labels), JSON.stringify(b.labels)));
}

/** Nine digits: what is summed in another order differs in the last. */
function rounded(value: number): number {
  return Number(value.toPrecision(9));
}

function tagsAnswer({ scopes }: TagsJson): unknown {
  return scopes.map(({ name, tags = [] }) => ({ name, tags: [...tags].sort() })).sort((a, b) => asc(a.name, b.name));
}

function valuesAnswer({ tagValues = [] }: ValuesJson): unknown {
  return tagValues.map(({ type, value }) => ({ type, value: value ?? '' })).sort((a, b) => asc(JSON.stringify(a), JSON.stringify(b)));
}

function traceAnswer({ trace }: TraceJson, baseSec: number): unknown {
  const relative = relativeTo(baseSec);
  return (trace.resourceSpans ?? [])
    .flatMap(({ resource, scopeSpans = [] }) =>
      scopeSpans.flatMap(({ scope, spans = [] }) =>
        spans.map((span) => ({
          service: resource?.attributes?.find(({ key }) => key === 'service.name')?.value?.stringValue,
          resource: sorted(resource?.attributes),
          scope: scope ?? {},
          ...span,
          spanId: hex(span.spanId),
          traceId: hex(span.traceId),
          parentSpanId: hex(span.parentSpanId),
          startTimeUnixNano: relative(span.startTimeUnixNano),
          endTimeUnixNano: relative(span.endTimeUnixNano),
          attributes: sorted(span.attributes),
          events: (span.events ?? []).map((event) => ({ ...event, timeUnixNano: relative(event.timeUnixNano), attributes: sorted(event.attributes) })),
          links: (span.links ?? []).map((link) => ({ ...link, traceId: hex(link.traceId), spanId: hex(link.spanId) })),
        })),
      ),
    )
    .sort((a, b) => asc(a.spanId, b.spanId));
}
