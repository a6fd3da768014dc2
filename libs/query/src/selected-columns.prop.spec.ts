import { plainTraces, tableOf } from '@vivace/testkit';
import type { PlainTrace } from '@vivace/testkit';
import { TableColumns } from '@vivace/trace';
import type { AttrColumn, AttrScope, SpanColumns, StringColumn } from '@vivace/trace';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { SelectedColumns } from './selected-columns.ts';

const SCOPES: readonly AttrScope[] = ['resource', 'scope', 'span', 'event', 'link'];

const selections = plainTraces({ maxTraces: 6, maxSpans: 6 })
  .filter((traces) => traces.length > 0)
  .chain((traces) => fc.tuple(fc.constant(traces), fc.tuple(...traces.map(() => fc.boolean()))));

const strings = ({ ids, dict }: StringColumn): string[] => Array.from(ids, (id) => dict.get(id));

/** A column by rows: `width` elements each. */
function rowsOf(column: ArrayLike<number>, width = 1): string[] {
  return Array.from({ length: column.length / width }, (_, row) => Array.from({ length: width }, (_, i) => column[row * width + i]).join());
}

function attrs(columns: readonly AttrColumn[], row: number): string[] {
  return columns.flatMap(({ count, rows, types, i64, f64, u32, array }) =>
    Array.from({ length: count }, (_, i) => i)
      .filter((i) => rows[i] === row)
      .map((i) => `${types[i]} ${i64[i]} ${f64[i]} ${u32[2 * i]} ${array?.[i] ?? 0}`),
  );
}

/** Everything of one trace, however its rows are numbered. */
async function contents(c: SpanColumns, trace: number): Promise<unknown> {
  const [from, to] = [c.traceSpans()[trace], c.traceSpans()[trace + 1]];
  const ofSpans = (owner: Uint32Array): number[] => [...owner.keys()].filter((i) => owner[i] >= from && owner[i] < to);
  const keys = new Map<AttrScope, readonly string[]>();
  for (const scope of SCOPES) keys.set(scope, await c.attrKeys(scope));
  const attrsOf = (scope: AttrScope, row: number): unknown => keys.get(scope)?.map((key) => [key, attrs(c.attr(scope, key), row)]);
  const { left, right, parent } = c.nestedSets();
  return {
    trace: [
      rowsOf(c.traceIds(), 16)[trace],
      rowsOf(c.traceStart(), 2)[trace],
      c.traceDuration()[trace],
      strings(c.rootService())[trace],
      strings(c.rootName())[trace],
      c.serviceStats(trace),
    ],
    spans: Array.from({ length: to - from }, (_, i) => from + i).map((row) => [
      rowsOf(c.spanIds(), 8)[row],
      rowsOf(c.parentIds(), 8)[row],
      rowsOf(c.spanStart(), 2)[row],
      c.spanDuration()[row],
      c.kind()[row],
      c.status()[row],
      strings(c.name())[row],
      strings(c.statusMessage())[row],
      [left[row], right[row], parent[row]],
      [c.spanResource()[row], attrsOf('resource', c.spanResource()[row])],
      [strings(c.scopeName())[c.spanScope()[row]], strings(c.scopeVersion())[c.spanScope()[row]], attrsOf('scope', c.spanScope()[row])],
      attrsOf('span', row),
    ]),
    events: ofSpans(c.eventSpan()).map((row) => [
      c.eventSpan()[row] - from,
      strings(c.eventName())[row],
      rowsOf(c.eventOffset(), 2)[row],
      attrsOf('event', row),
    ]),
    links: ofSpans(c.linkSpan()).map((row) => [
      c.linkSpan()[row] - from,
      rowsOf(c.linkTraceIds(), 16)[row],
      rowsOf(c.linkSpanIds(), 8)[row],
      attrsOf('link', row),
    ]),
  };
}

it('shows the traces chosen as the batch does', async () => {
  const check = async ([traces, chosen]: readonly [readonly PlainTrace[], readonly boolean[]]): Promise<void> => {
    const base = new TableColumns(tableOf(traces));
    const rows = Array.from({ length: base.traceCount }, (_, row) => row).filter((row) => chosen[row]);
    const part = new SelectedColumns(base, Uint32Array.from(rows));
    expect(part.traceCount).toBe(rows.length);
    expect([part.spanCount, part.eventCount(), part.linkCount()]).toEqual([part.spanIds().length / 8, part.eventSpan().length, part.linkSpan().length]);
    expect([part.resourceCount(), part.scopeCount()]).toEqual([base.resourceCount(), base.scopeCount()]);
    for (const [i, row] of rows.entries()) expect(await contents(part, i)).toEqual(await contents(base, row));
  };
  await fc.assert(fc.asyncProperty(selections, check), { numRuns: 150 });
});
