import { BlockCache, BlockWriter, openBlock, sliceOrder } from '@vivace/block';
import type { BlockReader, DedicatedColumn } from '@vivace/block';
import { MemoryObjectStore } from '@vivace/object-store';
import { MemorySink } from '@vivace/parquet';
import { finishRange, mergeMetrics, mergeSearch, metricsBatches, planMetrics, planSearch, searchBatches, tagNames, tagValues } from '@vivace/query';
import { fieldExpressions, metricsTexts, plainTraces, searchTexts, tableOf } from '@vivace/testkit';
import type { PlainTrace } from '@vivace/testkit';
import { orderByTrace, sortedTable, TableColumns } from '@vivace/trace';
import type { SpanColumns, SpanTable } from '@vivace/trace';
import { parseField, parseQuery, validateQuery } from '@vivace/traceql';
import fc from 'fast-check';
import { expect, it } from 'vitest';

const DEDICATED: readonly DedicatedColumn[] = [
  { scope: 'span', name: 'foo', type: 'string' },
  { scope: 'span', name: 'http.target', type: 'string' },
  { scope: 'resource', name: 'zone', type: 'string' },
];

/** The block format has no place for an empty service name. */
const isStorable = ({ spans }: PlainTrace): boolean => spans.every(({ resource }) => resource.every(([key, value]) => key !== 'service.name' || value !== ''));

const stores = fc.record({
  traces: plainTraces({ maxTraces: 12, maxSpans: 5 })
    .map((traces) => traces.filter(isStorable))
    .filter((traces) => traces.length > 0),
  rowGroups: fc.integer({ min: 1, max: 4 }),
  dedicated: fc.constantFrom([], DEDICATED),
  /** Nothing is kept, some is, all is. */
  columnBytes: fc.constantFrom(0, 4_000, 10_000_000),
});
const queries = fc.oneof(
  searchTexts,
  fieldExpressions.map((expr) => `{ ${expr} }`),
);

async function stored(table: SpanTable, rowGroups: number, dedicatedColumns: readonly DedicatedColumn[], columnBytes: number): Promise<BlockReader> {
  const order = orderByTrace(table);
  const sink = new MemorySink();
  const writer = new BlockWriter(sink, { blockId: 'b', tenantId: 't', dedicatedColumns });
  const bound = (group: number): number => Math.floor((order.traceCount * group) / rowGroups);
  for (let g = 0; g < rowGroups; g++) if (bound(g) < bound(g + 1)) writer.writeRowGroup(table, sliceOrder(order, bound(g), bound(g + 1)));
  const { meta } = writer.finish();
  const store = new MemoryObjectStore();
  await store.put('t/b/data.parquet', sink.bytes());
  return openBlock({ store, tenant: 't', meta, cache: new BlockCache({ columnBytes }) });
}

function batchesOf(block: BlockReader): SpanColumns[] {
  return Array.from({ length: block.rowGroupCount }, (_, group) => block.columns(group));
}

/** The order of attributes of a span is nobody's promise. */
function canonical(answer: unknown): string {
  const byText = (a: unknown, b: unknown): number => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1);
  return JSON.stringify(answer, (key, value: unknown) => (key === 'attributes' && Array.isArray(value) ? [...(value as unknown[])].sort(byText) : value));
}

it('finds in blocks what it finds in tables, with and without a cache, and the newest of it when asked for few', async () => {
  const limits = fc.integer({ min: 1, max: 3 });
  await fc.assert(
    fc.asyncProperty(stores, fc.array(queries, { minLength: 1, maxLength: 4 }), limits, async ({ traces, rowGroups, dedicated, columnBytes }, texts, limit) => {
      const table = tableOf(traces);
      const block = await stored(table, rowGroups, dedicated, columnBytes);
      const search = async (text: string, batches: readonly SpanColumns[], limit: number) => {
        const query = parseQuery(text);
        validateQuery(query);
        const options = { limit, spansPerSpanSet: 100, legacy: false };
        return mergeSearch([await searchBatches(planSearch(query), batches, options)], options);
      };
      for (const text of texts.concat(texts)) {
        const all = await search(text, [new TableColumns(table)], 1_000);
        expect(canonical(await search(text, batchesOf(block), 1_000))).toBe(canonical(all));
        expect(canonical(await search(text, batchesOf(block), limit))).toBe(canonical(all.slice(0, limit)));
      }
    }),
    { numRuns: 120 },
  );
});

it('counts in blocks what it counts in tables', async () => {
  await fc.assert(
    fc.asyncProperty(stores, fc.array(metricsTexts, { minLength: 1, maxLength: 4 }), async ({ traces, rowGroups, dedicated, columnBytes }, texts) => {
      const received = tableOf(traces);
      const table = sortedTable(received, orderByTrace(received));
      const block = await stored(table, rowGroups, dedicated, columnBytes);
      const startNs = 1_700_000_000_000_000_000n;
      const ask = async (text: string, batches: readonly SpanColumns[]) => {
        const query = parseQuery(text);
        validateQuery(query);
        const plan = planMetrics({ query, startNs, endNs: startNs + 5_000_000_000n, stepNs: 1_000_000_000n, exemplars: 6, maxSeries: 0 }, 'range');
        return finishRange(mergeMetrics([await metricsBatches(plan, batches, { maxSeries: 1_000 })], plan, 1_000), plan, 0);
      };
      for (const text of texts.concat(texts)) expect(await ask(text, batchesOf(block))).toEqual(await ask(text, [new TableColumns(table)]));
    }),
    { numRuns: 120 },
  );
});

it('knows the same tags in blocks as in tables', async () => {
  const tags = [
    'resource.service.name',
    'resource.zone',
    'span.foo',
    'span.n',
    '.foo',
    'event.level',
    'name',
    'rootName',
    'event:name',
    'instrumentation:name',
  ];
  const restrictions = fc.constantFrom(undefined, '{ kind != client }', '{ span.foo = "a" || name = "x" }');
  await fc.assert(
    fc.asyncProperty(stores, fc.constantFrom(...tags), restrictions, async ({ traces, rowGroups, dedicated, columnBytes }, tag, text) => {
      // A scope that only a dropped duplicate had is in the table still, but not in a block.
      const received = tableOf(traces);
      const table = sortedTable(received, orderByTrace(received));
      const block = await stored(table, rowGroups, dedicated, columnBytes);
      const query = text === undefined ? undefined : parseQuery(text);
      const request = { tag: parseField(tag), scope: undefined, query, range: undefined, limit: 0 };
      const { values } = await tagValues([new TableColumns(table)], request);
      const { scopes } = await tagNames([new TableColumns(table)], request);
      for (let i = 0; i < 2; i++) {
        expect((await tagValues(batchesOf(block), request)).values).toEqual(values);
        expect((await tagNames(batchesOf(block), request)).scopes).toEqual(scopes);
      }
    }),
    { numRuns: 80 },
  );
});
