import { parseTraceId } from '@vivace/base';
import { plainOf, plainTraces, tableOf } from '@vivace/testkit';
import type { PlainAttrs, PlainSpan, PlainTrace } from '@vivace/testkit';
import { ATTR_STRING, TableColumns } from '@vivace/trace';
import type { AttrColumn, AttrScope, ColumnName, SpanColumns, StringColumn } from '@vivace/trace';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { DedicatedColumn } from '../meta.ts';
import { writtenBlock } from '../testing/written-block.fixture.ts';
import { BlockCache } from './block-cache.ts';
import { openBlock } from './block-reader.ts';

const SCOPES: readonly AttrScope[] = ['resource', 'scope', 'span', 'event', 'link'];
const dedicated = fc.constantFrom<readonly DedicatedColumn[]>(
  [],
  [
    { scope: 'span', name: 'foo', type: 'string' },
    { scope: 'resource', name: 'zone', type: 'string' },
  ],
);
const blocks = fc
  .record({ traces: plainTraces(), dedicated, rowGroups: fc.integer({ min: 1, max: 3 }) })
  .filter(({ traces }) => traces.some((trace) => trace.spans.length > 0));

it('reads what was written: every trace, by row group and by id', async () => {
  await fc.assert(
    fc.asyncProperty(blocks, async ({ traces, dedicated, rowGroups }) => {
      const table = tableOf(traces);
      const expected = plainOf(table).map(normal);
      const block = await openBlock(await writtenBlock(table, dedicated, rowGroups));
      const read: PlainTrace[] = [];
      for (let g = 0; g < block.rowGroupCount; g++) read.push(...plainOf(await block.readRowGroup(g)));
      expect(read.map(normal)).toEqual(expected);
      for (const trace of expected) {
        const id = parseTraceId(trace.traceId);
        const found = typeof id === 'number' ? undefined : await block.findTrace(id);
        expect(found && plainOf(found).map(normal)).toEqual([trace]);
      }
    }),
    { numRuns: 60 },
  );
});

it('shows the query engine the same columns as the table would, decoded or from the cache', async () => {
  await fc.assert(
    fc.asyncProperty(blocks, fc.constantFrom(0, 2_000, 10_000_000), async ({ traces, dedicated, rowGroups }, columnBytes) => {
      const cache = new BlockCache({ columnBytes });
      const block = await openBlock({ ...(await writtenBlock(tableOf(traces), dedicated, rowGroups)), cache });
      for (let i = 0; i < 2 * block.rowGroupCount; i++) {
        const g = i % block.rowGroupCount;
        const table = new TableColumns(await block.readRowGroup(g));
        const columns = block.columns(g);
        for (const scope of SCOPES) {
          const keys = await table.attrKeys(scope);
          expect([...(await columns.attrKeys(scope))].sort()).toEqual([...keys].sort());
          await columns.load({ columns: new Set(), attrs: [...keys, 'absent'].map((key) => ({ scope, key })) });
          for (const key of [...keys, 'absent']) expect([key, entriesOf(columns.attr(scope, key))]).toEqual([key, entriesOf(table.attr(scope, key))]);
        }
        await columns.load({ columns: new Set(Object.keys(GETTERS) as ColumnName[]), attrs: [] });
        for (const [name, get] of Object.entries(GETTERS)) expect([name, get(columns)]).toEqual([name, get(table)]);
        expect([columns.traceCount, columns.spanCount]).toEqual([table.traceCount, table.spanCount]);
        if (i < block.rowGroupCount || columnBytes === 0) expect(columns.inspectedBytes).toBeGreaterThan(0);
        else if (columnBytes === 10_000_000) expect(columns.inspectedBytes).toBe(0);
        expect(cache.columns.bytes).toBeLessThanOrEqual(columnBytes);
      }
    }),
    { numRuns: 60 },
  );
});

it('shows some traces as it shows all of them, reading less', async () => {
  const needs = (columns: readonly ColumnName[]) => ({ columns: new Set(columns), attrs: KEYS.flatMap((key) => SCOPES.map((scope) => ({ scope, key }))) });
  const names = Object.keys(GETTERS) as ColumnName[];
  const cases = fc.record({ traces: plainTraces({ maxTraces: 24 }), dedicated, picks: fc.array(fc.nat(23), { minLength: 1, maxLength: 5 }) });
  await fc.assert(
    fc.asyncProperty(cases, fc.constantFrom(0, 10_000_000), async ({ traces, dedicated, picks }, columnBytes) => {
      const table = tableOf(traces);
      fc.pre(table.spanCount > 0);
      const cache = new BlockCache({ columnBytes });
      const block = await openBlock({ ...(await writtenBlock(table, dedicated)), cache });
      const whole = block.columns(0);
      await whole.load(needs(names));
      const rows = Uint32Array.from(new Set(picks.filter((pick) => pick < whole.traceCount))).sort();
      fc.pre(rows.length > 0);
      for (let i = 0; i < 2; i++) {
        const parts = await block.columns(0).loadTraces?.(needs(names), rows);
        expect(parts === undefined).toBe(rows.length * 4 > whole.traceCount);
        expect(parts?.map((part) => tracesOf(part, [0])) ?? []).toEqual(parts ? [...rows].map((row) => tracesOf(whole, [row])) : []);
      }
    }),
    { numRuns: 100 },
  );
});

it('shows the attributes of some rows in one pass as it shows them key by key, and keeps nothing of it', async () => {
  const cases = fc.record({ traces: plainTraces(), dedicated, picks: fc.option(fc.array(fc.nat(40)), { nil: undefined }) });
  await fc.assert(
    fc.asyncProperty(cases, async ({ traces, dedicated, picks }) => {
      const table = tableOf(traces);
      fc.pre(table.spanCount > 0);
      const cache = new BlockCache();
      const block = await openBlock({ ...(await writtenBlock(table, dedicated)), cache });
      for (const scope of SCOPES) {
        const columns = block.columns(0);
        const keys = await columns.attrKeys(scope);
        await columns.load({ columns: new Set(LEVELS), attrs: [] });
        const passing = columns.passing?.() ?? columns;
        const rows = picks && Uint32Array.from(new Set(picks.filter((pick) => pick < rowsOf(columns, scope)))).sort();
        const { bytes } = cache.columns;
        const bare = rows && [...rows];
        const seen = new Map<string, string[]>();
        const left =
          (await passing.visitAttrs?.(scope, rows, (slice) => {
            let last = -1;
            for (let i = 0; i < slice.count; i++) {
              const key = slice.keyDict.get(slice.keys[i]);
              const value =
                slice.types[i] === ATTR_STRING ? slice.dict.get(slice.u32[2 * i]) : slice.types[i] === 6 ? '' : `${slice.u32[2 * i]} ${slice.u32[2 * i + 1]}`;
              seen.set(key, [...(seen.get(key) ?? []), `${slice.rows[i]} ${slice.types[i]} ${value}`]);
              expect(slice.rows[i]).toBeGreaterThanOrEqual(last);
              last = slice.rows[i];
            }
          })) ?? [];
        await passing.load({ columns: new Set(), attrs: keys.map((key) => ({ scope, key })) });
        for (const key of keys) {
          const expected = passing.attr(scope, key).flatMap((c) => [...Array(c.count).keys()].map((i) => ({ c, i })));
          const texts = expected
            .filter(({ c, i }) => bare?.includes(c.rows[i]) ?? true)
            .map(
              ({ c, i }) =>
                `${c.rows[i]} ${c.types[i]} ${c.types[i] === ATTR_STRING ? c.dict.get(c.u32[2 * i]) : c.types[i] === 6 ? '' : `${c.u32[2 * i]} ${c.u32[2 * i + 1]}`}`,
            );
          expect([key, seen.get(key)?.sort()]).toEqual([key, left.includes(key) || texts.length === 0 ? undefined : texts.sort()]);
        }
        expect(cache.columns.bytes).toBe(bytes);
      }
    }),
    { numRuns: 100 },
  );
});

const LEVELS: readonly ColumnName[] = ['resource', 'scope', 'events', 'links'];

function rowsOf(columns: SpanColumns, scope: AttrScope): number {
  const { spanCount: span } = columns;
  return { resource: columns.resourceCount(), scope: columns.scopeCount(), span, event: columns.eventCount(), link: columns.linkCount() }[scope];
}

it('reads nothing of a getter that was not loaded', async () => {
  const block = await openBlock(
    await writtenBlock(tableOf(fc.sample(plainTraces(), { seed: 1, numRuns: 20 }).find((t) => t.some((x) => x.spans.length > 0)) ?? []), []),
  );
  const columns = block.columns(0);
  await columns.load({ columns: new Set(['duration']), attrs: [] });
  expect(columns.spanDuration()).toHaveLength(columns.spanCount);
  expect(() => columns.name()).toThrow(/was not loaded/);
});

const KEYS = ['foo', 'n', 'zone', 'service.name', 'http.method', 'http.status_code', 'level', 'absent'];

/** Everything of some traces, spelled out, without the numbers of rows. */
function tracesOf(columns: SpanColumns, rows: readonly number[]): unknown[] {
  const text = ({ ids, dict }: StringColumn, row: number): string => dict.get(ids[row]);
  const attrs = (scope: AttrScope, row: number): string[] =>
    KEYS.flatMap((key) => entriesOf(columns.attr(scope, key).map((c) => onlyRow(c, row))).map((entry) => `${key} ${entry}`));
  const bounds = columns.traceSpans();
  const { left, right, parent } = columns.nestedSets();
  const children = (owners: Uint32Array, span: number): number[] => [...owners.keys()].filter((i) => owners[i] === span);
  return rows.map((t) => ({
    id: [...columns.traceIds().subarray(t * 16, t * 16 + 16)],
    times: [columns.traceStart()[2 * t], columns.traceStart()[2 * t + 1], columns.traceDuration()[t]],
    roots: [text(columns.rootService(), t), text(columns.rootName(), t)],
    stats: columns.serviceStats(t),
    spans: Array.from({ length: bounds[t + 1] - bounds[t] }, (_, i) => {
      const s = bounds[t] + i;
      const scope = columns.spanScope()[s];
      return {
        ids: [columns.spanIds(), columns.parentIds()].map((ids) => [...ids.subarray(s * 8, s * 8 + 8)]),
        numbers: [columns.spanStart()[2 * s], columns.spanStart()[2 * s + 1], columns.spanDuration()[s], columns.kind()[s], columns.status()[s]],
        texts: [text(columns.name(), s), text(columns.statusMessage(), s), text(columns.scopeName(), scope), text(columns.scopeVersion(), scope)],
        nested: [left[s], right[s], parent[s]],
        attrs: [attrs('span', s), attrs('resource', columns.spanResource()[s]), attrs('scope', scope)],
        events: children(columns.eventSpan(), s).map((e) => [text(columns.eventName(), e), columns.eventOffset()[2 * e], attrs('event', e)]),
        links: children(columns.linkSpan(), s).map((l) => [...columns.linkTraceIds().subarray(l * 16, l * 16 + 16), ...attrs('link', l)]),
      };
    }),
  }));
}

function onlyRow(column: AttrColumn, row: number): AttrColumn {
  const rows = column.rows.subarray(0, column.count);
  const first = rows.indexOf(row);
  const count = first < 0 ? 0 : rows.lastIndexOf(row) + 1 - first;
  const from = Math.max(first, 0);
  return {
    ...column,
    count,
    rows: new Uint32Array(count),
    types: column.types.subarray(from),
    i64: column.i64.subarray(from),
    u32: column.u32.subarray(2 * from),
    array: column.array?.subarray(from),
  };
}

const strings = ({ ids, dict }: StringColumn): string[] => Array.from(ids, (id) => dict.get(id));

/** Everything a column name gives, with strings spelled out: ids differ between dictionaries. */
const GETTERS: Readonly<Record<ColumnName, (columns: SpanColumns) => unknown>> = {
  traceId: (c) => [...c.traceIds()],
  traceTimes: (c) => [[...c.traceStart()], [...c.traceDuration()], [...c.traceSpans()]],
  roots: (c) => [strings(c.rootService()), strings(c.rootName())],
  serviceStats: (c) => Array.from({ length: c.traceCount }, (_, t) => [...c.serviceStats(t)].sort((a, b) => (a.service < b.service ? -1 : 1))),
  spanId: (c) => [...c.spanIds()],
  parentId: (c) => [...c.parentIds()],
  start: (c) => [...c.spanStart()],
  duration: (c) => [...c.spanDuration()],
  kind: (c) => [...c.kind()],
  status: (c) => [...c.status()],
  name: (c) => strings(c.name()),
  statusMessage: (c) => strings(c.statusMessage()),
  nestedSets: (c) => [[...c.nestedSets().left], [...c.nestedSets().right], [...c.nestedSets().parent]],
  resource: (c) => [c.resourceCount(), [...c.spanResource()]],
  scope: (c) => [c.scopeCount(), [...c.spanScope()]],
  scopeName: (c) => strings(c.scopeName()),
  scopeVersion: (c) => strings(c.scopeVersion()),
  events: (c) => [c.eventCount(), [...c.eventSpan()]],
  eventName: (c) => strings(c.eventName()),
  eventOffset: (c) => [...c.eventOffset()],
  links: (c) => [c.linkCount(), [...c.linkSpan()]],
  linkTraceId: (c) => [...c.linkTraceIds()],
  linkSpanId: (c) => [...c.linkSpanIds()],
};

/** Row, type, value and array flag of all entries, whatever column they came from. */
function entriesOf(columns: readonly AttrColumn[]): string[] {
  return columns
    .flatMap((c) =>
      Array.from({ length: c.count }, (_, i) => {
        const value = c.types[i] === ATTR_STRING ? JSON.stringify(c.dict.get(c.u32[2 * i])) : c.types[i] === 6 ? 'json' : String(c.i64[i]);
        return `${c.rows[i]} ${c.types[i]} ${value} ${c.array?.[i] ?? 0}`;
      }),
    )
    .sort();
}

function normal(trace: PlainTrace): PlainTrace {
  // The format has no place for an empty service name: it reads as absent, in Tempo too.
  const byKey = (attrs: PlainAttrs): PlainAttrs =>
    attrs.filter(([key, value]) => key !== 'service.name' || value !== '').sort((a, b) => (a[0] < b[0] ? -1 : 1));
  const span = (s: PlainSpan): PlainSpan => ({ ...s, attrs: byKey(s.attrs), resource: byKey(s.resource), scope: { ...s.scope, attrs: byKey(s.scope.attrs) } });
  const text = (s: PlainSpan): string => JSON.stringify(s, (_, v: unknown) => (typeof v === 'bigint' ? `${v}n` : v));
  return { traceId: trace.traceId, spans: trace.spans.map(span).sort((a, b) => (text(a) < text(b) ? -1 : 1)) };
}
