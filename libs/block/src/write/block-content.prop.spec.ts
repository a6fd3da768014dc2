// Blocks are read back with an independent Parquet reader (hyparquet), so that no mistake of ours can cancel out.
import { plainOf, tableOf } from '@vivace/testkit';
import type { PlainAttrs, PlainSpan, PlainTrace, PlainValue } from '@vivace/testkit';
import { MemorySink } from '@vivace/parquet';
import { nestedSets, orderByTrace } from '@vivace/trace';
import type { SpanTable } from '@vivace/trace';
import fc from 'fast-check';
import { parquetReadObjects } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import { describe, expect, it } from 'vitest';
import type { DedicatedColumn } from '../meta.ts';
import { dedicatedNames } from '../meta.ts';
import { STATIC_RESOURCE_KEYS } from '../schema.ts';
import { BlockWriter } from './block-writer.ts';
import { sliceOrder } from './row-groups.ts';

const DEDICATED: readonly DedicatedColumn[] = [
  { scope: 'resource', name: 'r1', type: 'string' },
  { scope: 'span', name: 'k1', type: 'string' },
  { scope: 'resource', name: 'r2', type: 'string' },
  { scope: 'span', name: 'k2', type: 'string' },
];

interface AttrRow {
  Key: Uint8Array;
  IsArray: boolean;
  Value: Uint8Array[];
  ValueInt: bigint[];
  ValueDouble: number[];
  ValueBool: boolean[];
  ValueUnsupported: Uint8Array | null;
}

interface Attributed {
  Attrs: AttrRow[];
  DroppedAttributesCount: number;
}

type Dedicated = Record<string, Uint8Array | null>;

interface SpanRow extends Attributed {
  SpanID: Uint8Array;
  ParentSpanID: Uint8Array;
  ParentID: number;
  NestedSetLeft: number;
  NestedSetRight: number;
  Name: Uint8Array;
  Kind: bigint;
  TraceState: Uint8Array;
  StartTimeUnixNano: bigint;
  DurationNano: bigint;
  StatusCode: bigint;
  StatusMessage: Uint8Array;
  Events: (Attributed & { TimeSinceStartNano: bigint; Name: Uint8Array })[];
  DroppedEventsCount: number;
  Links: (Attributed & { TraceID: Uint8Array; SpanID: Uint8Array; TraceState: Uint8Array })[];
  DroppedLinksCount: number;
  HttpMethod: Uint8Array | null;
  HttpUrl: Uint8Array | null;
  HttpStatusCode: bigint | null;
  DedicatedAttributes: Dedicated;
}

interface TraceRow {
  TraceID: Uint8Array;
  TraceIDText: Uint8Array;
  StartTimeUnixNano: bigint;
  EndTimeUnixNano: bigint;
  DurationNano: bigint;
  RootServiceName: Uint8Array;
  RootSpanName: Uint8Array;
  ServiceStats: Record<string, { SpanCount: number; ErrorCount: number }>;
  rs: {
    Resource: Attributed & { ServiceName: Uint8Array; DedicatedAttributes: Dedicated } & Record<string, Uint8Array | null>;
    ss: { Scope: Attributed & { Name: Uint8Array; Version: Uint8Array }; Spans: SpanRow[] }[];
  }[];
}

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

async function rowsOf(sink: MemorySink): Promise<TraceRow[]> {
  const file = sink.bytes().slice().buffer;
  return (await parquetReadObjects({ file, compressors, utf8: false })) as unknown as TraceRow[];
}

function write(table: SpanTable, groups = 1, order = orderByTrace(table)): MemorySink {
  const sink = new MemorySink();
  const writer = new BlockWriter(sink, { blockId: '00000000-0000-4000-8000-000000000000', tenantId: 't', dedicatedColumns: DEDICATED });
  for (let g = 0; g < groups; g++) {
    const from = Math.floor((order.traceCount * g) / groups);
    const to = Math.floor((order.traceCount * (g + 1)) / groups);
    if (from < to) writer.writeRowGroup(table, sliceOrder(order, from, to));
  }
  writer.finish();
  return sink;
}

function json(bytes: Uint8Array): PlainValue {
  const value = JSON.parse(text(bytes)) as Record<string, { values?: unknown[] }>;
  return { kvlist: { json: JSON.stringify(value) } };
}

function scalars(row: AttrRow): PlainValue[] {
  const typed = [row.Value.map(text), row.ValueInt, row.ValueDouble, row.ValueBool].filter((v) => v.length > 0);
  expect(typed.length).toBeLessThanOrEqual(1);
  return typed[0] ?? [];
}

function attrsOf(rows: AttrRow[]): [string, PlainValue][] {
  return rows.map((row) => {
    const values = scalars(row);
    if (row.IsArray) return [text(row.Key), values];
    if (row.ValueUnsupported !== null) {
      expect(values).toEqual([]);
      return [text(row.Key), json(row.ValueUnsupported)];
    }
    expect(values).toHaveLength(1);
    return [text(row.Key), values[0]];
  });
}

function columns(values: Dedicated, names: readonly string[]): [string, PlainValue][] {
  return Object.values(values).flatMap((value, i): [string, PlainValue][] => (value === null || value === undefined ? [] : [[names[i], text(value)]]));
}

const RESOURCE_COLUMNS = ['ServiceName', 'Cluster', 'Namespace', 'Pod', 'Container', 'K8sClusterName', 'K8sNamespaceName', 'K8sPodName', 'K8sContainerName'];

function plainTrace(row: TraceRow): PlainTrace {
  const spans = row.rs.flatMap(({ Resource, ss }) => {
    const resource = [
      ...attrsOf(Resource.Attrs),
      ...columns(Resource.DedicatedAttributes, dedicatedNames(DEDICATED, 'resource')),
      ...RESOURCE_COLUMNS.flatMap((name, i): [string, PlainValue][] => {
        const value = Resource[name];
        return value === null || (name === 'ServiceName' && value.length === 0) ? [] : [[STATIC_RESOURCE_KEYS[i], text(value)]];
      }),
    ];
    return ss.flatMap(({ Scope, Spans }) =>
      Spans.map(
        (span): PlainSpan => ({
          spanId: hex(span.SpanID),
          parentId: hex(span.ParentSpanID),
          name: text(span.Name),
          kind: Number(span.Kind),
          startNs: span.StartTimeUnixNano,
          endNs: span.StartTimeUnixNano + span.DurationNano,
          status: Number(span.StatusCode),
          statusMessage: text(span.StatusMessage),
          traceState: text(span.TraceState),
          attrs: [
            ...attrsOf(span.Attrs),
            ...columns(span.DedicatedAttributes, dedicatedNames(DEDICATED, 'span')),
            ...columns({ HttpMethod: span.HttpMethod, HttpUrl: span.HttpUrl }, ['http.method', 'http.url']),
            ...(span.HttpStatusCode === null ? [] : [['http.status_code', span.HttpStatusCode] as const]),
          ],
          events: span.Events.map((event) => ({
            name: text(event.Name),
            timeNs: BigInt.asUintN(64, span.StartTimeUnixNano + event.TimeSinceStartNano),
            attrs: attrsOf(event.Attrs),
            dropped: event.DroppedAttributesCount,
          })),
          links: span.Links.map((link) => ({
            traceId: hex(link.TraceID),
            spanId: hex(link.SpanID),
            traceState: text(link.TraceState),
            attrs: attrsOf(link.Attrs),
            dropped: link.DroppedAttributesCount,
          })),
          resource,
          scope: { name: text(Scope.Name), version: text(Scope.Version), attrs: attrsOf(Scope.Attrs) },
          droppedAttrs: span.DroppedAttributesCount,
          droppedEvents: span.DroppedEventsCount,
          droppedLinks: span.DroppedLinksCount,
        }),
      ),
    );
  });
  return { traceId: hex(row.TraceID), spans };
}

/** Attributes as a multiset (columns change the order), values that are not scalar by their JSON. */
function normal(traces: readonly PlainTrace[]): unknown {
  const value = (v: PlainValue): unknown => {
    if (v === null) return { json: '{}' };
    if (typeof v === 'bigint') return `${v}n`;
    if (typeof v !== 'object') return v;
    if (Array.isArray(v)) return v.every((e) => typeof e === typeof v[0] && typeof e !== 'object') ? v.map(value) : { json: anyValue(v) };
    return { json: 'json' in (v as { kvlist: object }).kvlist ? (v as { kvlist: { json: string } }).kvlist.json : anyValue(v) };
  };
  const attrs = (list: PlainAttrs): unknown =>
    list
      .filter(([key, v]) => key !== 'service.name' || v !== '')
      .map(([key, v]) => `${key}=${JSON.stringify(value(v))}`)
      .sort();
  return traces.map(({ traceId, spans }) => ({
    traceId,
    spans: spans.map((span) => ({
      ...span,
      attrs: attrs(span.attrs),
      resource: attrs(span.resource),
      scope: { ...span.scope, attrs: attrs(span.scope.attrs) },
      events: span.events.map((e) => ({ ...e, attrs: attrs(e.attrs) })),
      links: span.links.map((l) => ({ ...l, attrs: attrs(l.attrs) })),
    })),
  }));
}

function anyValue(v: PlainValue): string {
  const of = (x: PlainValue): object => {
    if (x === null) return {};
    if (typeof x === 'string') return { stringValue: x };
    if (typeof x === 'bigint') return { intValue: x.toString() };
    if (typeof x === 'number') return { doubleValue: x };
    if (typeof x === 'boolean') return { boolValue: x };
    if (Array.isArray(x)) return { arrayValue: { values: x.map(of) } };
    const { kvlist } = x as { kvlist: Readonly<Record<string, PlainValue>> };
    return { kvlistValue: { values: Object.entries(kvlist).map(([key, value]) => ({ key, value: of(value) })) } };
  };
  return JSON.stringify(of(v));
}

const words = fc.constantFrom('', 'a', 'b', 'GET', 'tränke', 'x'.repeat(40), '\u{1f600}');
const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const scalar: fc.Arbitrary<PlainValue> = fc.oneof(words, int64, fc.double({ noNaN: true }), fc.boolean());
const anyAttr: fc.Arbitrary<PlainValue> = fc.oneof(
  { weight: 6, arbitrary: scalar },
  { weight: 1, arbitrary: fc.array(words, { maxLength: 3 }) },
  { weight: 1, arbitrary: fc.array(int64, { maxLength: 3 }) },
  { weight: 1, arbitrary: fc.array(fc.boolean(), { maxLength: 3 }) },
  { weight: 1, arbitrary: fc.constantFrom<PlainValue>(null, ['a', 1n], { kvlist: { k: 'v', n: 5n } }) },
);
const keys = fc.constantFrom('k1', 'k2', 'k3', 'http.method', 'http.url', 'http.status_code', 'other');
const resourceKeys = fc.constantFrom('service.name', 'cluster', 'k8s.pod.name', 'r1', 'r2', 'host');
const attrs = fc.array(fc.tuple(keys, anyAttr), { maxLength: 5 });
// One value a resource key: which of two equal keys names the service is the decoder's business.
const resourceAttrs = fc.uniqueArray(fc.tuple(resourceKeys, anyAttr), { maxLength: 4, selector: ([key]) => key });
const hexId = (bytes: number): fc.Arbitrary<string> => fc.uint8Array({ minLength: bytes, maxLength: bytes }).map((b) => hex(b));
const spanIds = fc.constantFrom('1', '2', '3', '4', '5', '6').map((d) => d.repeat(16));
const startNs = fc.bigInt({ min: 0n, max: 2n ** 63n });

const span: fc.Arbitrary<PlainSpan> = fc
  .record({
    spanId: spanIds,
    parentId: fc.oneof(fc.constant(''), spanIds),
    name: words,
    kind: fc.integer({ min: 0, max: 5 }),
    startNs,
    duration: fc.bigInt({ min: 0n, max: 2n ** 50n }),
    status: fc.integer({ min: 0, max: 2 }),
    statusMessage: words,
    traceState: words,
    attrs,
    events: fc.array(fc.record({ name: words, timeNs: startNs, attrs, dropped: fc.integer({ min: 0, max: 9 }) }), { maxLength: 2 }),
    links: fc.array(fc.record({ traceId: hexId(16), spanId: hexId(8), traceState: words, attrs, dropped: fc.integer({ min: 0, max: 9 }) }), { maxLength: 2 }),
    resource: resourceAttrs,
    scope: fc.record({ name: words, version: words, attrs: fc.array(fc.tuple(keys, scalar), { maxLength: 2 }) }),
    droppedAttrs: fc.integer({ min: 0, max: 2 ** 31 - 1 }),
    droppedEvents: fc.integer({ min: 0, max: 9 }),
    droppedLinks: fc.integer({ min: 0, max: 9 }),
  })
  .map(({ duration, ...s }) => ({ ...s, endNs: s.startNs + duration }));

const traces = fc.uniqueArray(fc.record({ traceId: hexId(16), spans: fc.array(span, { minLength: 1, maxLength: 8 }) }), {
  minLength: 1,
  maxLength: 8,
  selector: (t) => t.traceId,
});

describe('BlockWriter', () => {
  it('stores everything that is in the table', async () => {
    await fc.assert(
      fc.asyncProperty(traces, fc.integer({ min: 1, max: 3 }), async (plain, groups) => {
        const table = tableOf(plain);
        const rows = await rowsOf(write(table, groups));
        expect(normal(rows.map(plainTrace))).toEqual(normal(plainOf(table)));
      }),
      { numRuns: 150 },
    );
  });

  it('derives ids, times, service statistics and nested sets', async () => {
    await fc.assert(
      fc.asyncProperty(traces, async (plain) => {
        const table = tableOf(plain);
        const order = orderByTrace(table);
        const rows = await rowsOf(write(table));
        const expected = plainOf(table, order);
        rows.forEach((row, t) => {
          const { traceId, spans } = expected[t];
          expect(text(row.TraceIDText)).toBe(traceId.replace(/^0+/, ''));
          const starts = spans.map((s) => s.startNs).filter((ns) => ns > 0n);
          const min = starts.length === 0 ? 0n : starts.reduce((a, b) => (a < b ? a : b));
          expect(row.StartTimeUnixNano).toBe(min);
          expect(row.EndTimeUnixNano).toBe(min + row.DurationNano);
          const stats: Record<string, { SpanCount: number; ErrorCount: number }> = {};
          for (const s of spans) {
            const service = s.resource.find(([key, v]) => key === 'service.name' && typeof v === 'string')?.[1] as string | undefined;
            const stat = (stats[service ?? ''] ??= { SpanCount: 0, ErrorCount: 0 });
            stat.SpanCount++;
            if (s.status === 2) stat.ErrorCount++;
          }
          expect(decodedKeys(row.ServiceStats)).toEqual(stats);
        });
        const n = order.spans.length;
        const ids = new Uint8Array(n * 8);
        const parents = new Uint8Array(n * 8);
        const kinds = new Uint8Array(n);
        order.spans.forEach((from, i) => {
          ids.set(table.spanId.subarray(from * 8, from * 8 + 8), i * 8);
          parents.set(table.spanParentId.subarray(from * 8, from * 8 + 8), i * 8);
          kinds[i] = table.spanKind[from];
        });
        const sets = nestedSets(n, order.traceSpans, ids, parents, kinds);
        const spans = rows.flatMap((row) => row.rs.flatMap((r) => r.ss.flatMap((s) => s.Spans)));
        expect(spans.map((s) => s.NestedSetLeft)).toEqual([...sets.left]);
        expect(spans.map((s) => s.NestedSetRight)).toEqual([...sets.right]);
        expect(spans.map((s) => s.ParentID)).toEqual([...sets.parent]);
      }),
      { numRuns: 60 },
    );
  });

  it('keeps a row whole over page boundaries', async () => {
    const make = (t: number, count: number): PlainTrace => ({
      traceId: t.toString(16).padStart(32, '0'),
      spans: Array.from(
        { length: count },
        (_, i): PlainSpan => ({
          spanId: (i + 1).toString(16).padStart(16, '0'),
          parentId: i === 0 ? '' : '0000000000000001',
          name: `n${i % 7}`,
          kind: 1 + (i % 5),
          startNs: 1_700_000_000_000_000_000n + BigInt(i * t),
          endNs: 1_700_000_000_000_000_000n + BigInt(i * t + 10 * i),
          status: 0,
          statusMessage: '',
          traceState: '',
          attrs: [
            ['k1', `v${i % 100}`],
            ['n', BigInt(i)],
            ['f', i / 3],
          ],
          events: i % 50 === 0 ? [{ name: 'e', timeNs: 1_700_000_000_000_000_000n, attrs: [['x', true]], dropped: 0 }] : [],
          links: [],
          resource: [['service.name', `s${i % 3}`]],
          scope: { name: '', version: '', attrs: [] },
          droppedAttrs: 0,
          droppedEvents: 0,
          droppedLinks: 0,
        }),
      ),
    });
    const table = tableOf([make(1, 9000), make(2, 9000), make(3, 3)]);
    const rows = await rowsOf(write(table));
    expect(normal(rows.map(plainTrace))).toEqual(normal(plainOf(table)));
  });
});

/** hyparquet hands the keys of a map on undecoded: as the comma-separated bytes of the name. */
function decodedKeys<T>(map: Record<string, T>): Record<string, T> {
  return Object.fromEntries(Object.entries(map).map(([key, v]) => [/^\d+(,\d+)*$/.test(key) ? Buffer.from(key.split(',').map(Number)).toString() : key, v]));
}
