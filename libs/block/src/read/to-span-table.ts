import { ATTR_STRING } from '@vivace/trace';
import type { SpanTable } from '@vivace/trace';
import type { BlockMeta } from '../meta.ts';
import { appendAttrs, IdMap } from './append-attrs.ts';
import type { ColumnSet } from './column-set.ts';
import { byteInts, durationColumn, halvesColumn, idColumn, smallInts, stringColumn } from './column-values.ts';
import { COLUMN, COLUMN_COUNT, LEVEL } from './columns.ts';
import { listOffsets, spanOwners, traceOffsets } from './list-kernels.ts';

const UNREAD: ReadonlySet<number> = new Set([COLUMN.nestedParent, COLUMN.nestedLeft, COLUMN.nestedRight]);

/** The columns `appendToSpanTable` needs: what a trace is, without what is computed from it. */
export const TABLE_COLUMNS: readonly number[] = Array.from({ length: COLUMN_COUNT }, (_, i) => i).filter(
  (i) => i === COLUMN.traceId || (i > COLUMN.statsErrors && !UNREAD.has(i)),
);

/**
 * Appends all traces of `columns` to `table`, everything preserved. The set must hold `TABLE_COLUMNS`. Attributes come in Tempo's order
 * of reading: the generic list, dedicated columns in the order of the meta, static columns.
 */
export function appendToSpanTable(columns: ColumnSet, meta: BlockMeta, table: SpanTable): void {
  const traceSpans = traceOffsets(columns.required(COLUMN.spanId), columns.traceCount);
  const spanCount = traceSpans[columns.traceCount];
  const resources = spanOwners(columns.required(COLUMN.spanId), LEVEL.resource, spanCount);
  const scopes = spanOwners(columns.required(COLUMN.spanId), LEVEL.scope, spanCount);
  const traceIds = idColumn(columns.required(COLUMN.traceId), 16, columns.traceCount);
  const spanBase = table.spanCount;
  const resourceBase = table.resourceCount;
  const scopeBase = table.scopeCount;
  table.ensureSpans(spanCount);
  for (let t = 0; t < columns.traceCount; t++) {
    const row = table.internTrace(traceIds, t * 16);
    table.spanTrace.fill(row, spanBase + traceSpans[t], spanBase + traceSpans[t + 1]);
  }
  for (let s = 0; s < spanCount; s++) {
    table.spanResource[spanBase + s] = resourceBase + resources.owners[s];
    table.spanScope[spanBase + s] = scopeBase + scopes.owners[s];
  }
  appendResources(columns, meta, table, resources.count);
  appendScopes(columns, meta, table, scopes.count);
  if (spanCount > 0) appendSpans(columns, meta, table, spanCount);
  appendEvents(columns, meta, table, spanCount);
  appendLinks(columns, meta, table, spanCount);
  table.spanCount = spanBase + spanCount;
}

/** Writes the table's ids of a string column to `out[at, …)`. */
function putStrings(columns: ColumnSet, column: number, table: SpanTable, rows: number, out: Uint32Array, at: number): void {
  const { ids, dict } = stringColumn(columns.required(column), rows);
  const map = new IdMap(dict, table);
  for (let i = 0; i < rows; i++) out[at + i] = map.get(ids[i]);
}

function appendResources(columns: ColumnSet, meta: BlockMeta, table: SpanTable, count: number): void {
  if (count === 0) return;
  const base = table.resourceCount;
  table.ensureResources(count);
  table.resourceDropped.set(smallInts(columns.required(COLUMN.resourceDropped), count), base);
  appendAttrs(columns, meta, 'resource', table, table.resourceAttrs, table.resourceAttrEnd, base, count);
  const serviceKey = table.strings.internText('service.name');
  const list = table.resourceAttrs;
  let a = base === 0 ? 0 : table.resourceAttrEnd[base - 1];
  for (let r = base; r < base + count; r++) {
    table.resourceService[r] = 0;
    for (; a < table.resourceAttrEnd[r]; a++) if (list.key[a] === serviceKey && list.type[a] === ATTR_STRING) table.resourceService[r] = list.u32[2 * a];
  }
  table.resourceCount = base + count;
}

function appendScopes(columns: ColumnSet, meta: BlockMeta, table: SpanTable, count: number): void {
  if (count === 0) return;
  const base = table.scopeCount;
  table.ensureScopes(count);
  putStrings(columns, COLUMN.scopeName, table, count, table.scopeName, base);
  putStrings(columns, COLUMN.scopeVersion, table, count, table.scopeVersion, base);
  table.scopeDropped.set(smallInts(columns.required(COLUMN.scopeDropped), count), base);
  appendAttrs(columns, meta, 'scope', table, table.scopeAttrs, table.scopeAttrEnd, base, count);
  table.scopeCount = base + count;
}

function appendSpans(columns: ColumnSet, meta: BlockMeta, table: SpanTable, count: number): void {
  const base = table.spanCount;
  table.spanId.set(idColumn(columns.required(COLUMN.spanId), 8, count), base * 8);
  table.spanParentId.set(idColumn(columns.required(COLUMN.parentId), 8, count), base * 8);
  table.spanStart.set(halvesColumn(columns.required(COLUMN.start), count), base * 2);
  table.spanDuration.set(durationColumn(columns.required(COLUMN.duration), count), base);
  table.spanKind.set(byteInts(columns.required(COLUMN.kind), count), base);
  table.spanStatus.set(byteInts(columns.required(COLUMN.status), count), base);
  putStrings(columns, COLUMN.name, table, count, table.spanName, base);
  putStrings(columns, COLUMN.statusMessage, table, count, table.spanStatusMessage, base);
  putStrings(columns, COLUMN.traceState, table, count, table.spanTraceState, base);
  table.spanDroppedAttrs.set(smallInts(columns.required(COLUMN.droppedAttrs), count), base);
  table.spanDroppedEvents.set(smallInts(columns.required(COLUMN.droppedEvents), count), base);
  table.spanDroppedLinks.set(smallInts(columns.required(COLUMN.droppedLinks), count), base);
  appendAttrs(columns, meta, 'span', table, table.spanAttrs, table.spanAttrEnd, base, count);
}

function appendEvents(columns: ColumnSet, meta: BlockMeta, table: SpanTable, spanCount: number): void {
  const source = columns.get(COLUMN.eventOffset);
  const offsets = source ? listOffsets(source, LEVEL.event, spanCount) : new Uint32Array(spanCount + 1);
  const count = offsets[spanCount];
  const base = table.eventCount;
  for (let s = 0; s < spanCount; s++) table.spanEventEnd[table.spanCount + s] = base + offsets[s + 1];
  if (count === 0) return;
  table.ensureEvents(count);
  table.eventOffset.set(halvesColumn(columns.required(COLUMN.eventOffset), count), base * 2);
  putStrings(columns, COLUMN.eventName, table, count, table.eventName, base);
  table.eventDropped.set(smallInts(columns.required(COLUMN.eventDropped), count), base);
  appendAttrs(columns, meta, 'event', table, table.eventAttrs, table.eventAttrEnd, base, count);
  table.eventCount = base + count;
}

function appendLinks(columns: ColumnSet, meta: BlockMeta, table: SpanTable, spanCount: number): void {
  const source = columns.get(COLUMN.linkSpanId);
  const offsets = source ? listOffsets(source, LEVEL.link, spanCount) : new Uint32Array(spanCount + 1);
  const count = offsets[spanCount];
  const base = table.linkCount;
  for (let s = 0; s < spanCount; s++) table.spanLinkEnd[table.spanCount + s] = base + offsets[s + 1];
  if (count === 0) return;
  table.ensureLinks(count);
  table.linkTraceId.set(idColumn(columns.required(COLUMN.linkTraceId), 16, count), base * 16);
  table.linkSpanId.set(idColumn(columns.required(COLUMN.linkSpanId), 8, count), base * 8);
  putStrings(columns, COLUMN.linkTraceState, table, count, table.linkTraceState, base);
  table.linkDropped.set(smallInts(columns.required(COLUMN.linkDropped), count), base);
  appendAttrs(columns, meta, 'link', table, table.linkAttrs, table.linkAttrEnd, base, count);
  table.linkCount = base + count;
}
