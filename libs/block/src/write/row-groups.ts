import { ATTR_STRING } from '@vivace/trace';
import type { AttrList, SpanTable, TraceOrder } from '@vivace/trace';

export interface RowGroupLimits {
  /** In the unit of Tempo's `parquet_row_group_size_bytes`: one a number, a twentieth of its length (at least one) a string. */
  readonly maxBytes: number;
  /** Bounds the memory of writer and readers, which work a row group at a time. */
  readonly maxSpans: number;
}

export const DEFAULT_ROW_GROUP: RowGroupLimits = { maxBytes: 100_000_000, maxSpans: 250_000 };

/** Leaves of a span that always hold a value. */
const SPAN_VALUES = 15;
const EVENT_VALUES = 3;
const LINK_VALUES = 4;
const BYTES_PER_UNIT = 20;

/** Cuts an order into row groups. A trace is never divided, so one that exceeds a limit alone makes a group of its own. Borrows the order's arrays. */
export function cutRowGroups(table: SpanTable, order: TraceOrder, { maxBytes, maxSpans }: RowGroupLimits = DEFAULT_ROW_GROUP): TraceOrder[] {
  const groups: TraceOrder[] = [];
  let from = 0;
  let units = 0;
  for (let t = 0; t < order.traceCount; t++) {
    const size = traceUnits(table, order, t);
    if (t > from && (units + size > maxBytes || order.traceSpans[t + 1] - order.traceSpans[from] > maxSpans)) {
      groups.push(sliceOrder(order, from, t));
      from = t;
      units = 0;
    }
    units += size;
  }
  if (from < order.traceCount) groups.push(sliceOrder(order, from, order.traceCount));
  return groups;
}

/** Traces `[from, to)` of an order. */
export function sliceOrder(order: TraceOrder, from: number, to: number): TraceOrder {
  const { traces, spans, traceSpans } = order;
  const first = traceSpans[from];
  const offsets = new Uint32Array(to - from + 1);
  for (let t = from; t <= to; t++) offsets[t - from] = traceSpans[t] - first;
  return { traceCount: to - from, traces: traces.subarray(from, to), spans: spans.subarray(first, traceSpans[to]), traceSpans: offsets };
}

function traceUnits(table: SpanTable, order: TraceOrder, t: number): number {
  let units = 0;
  let resource = -1;
  for (let i = order.traceSpans[t]; i < order.traceSpans[t + 1]; i++) {
    const row = order.spans[i];
    if (table.spanResource[row] !== resource) {
      resource = table.spanResource[row];
      units += attrUnits(table, table.resourceAttrs, table.resourceAttrEnd, resource, resource + 1);
    }
    units += SPAN_VALUES + attrUnits(table, table.spanAttrs, table.spanAttrEnd, row, row + 1);
    const firstEvent = row === 0 ? 0 : table.spanEventEnd[row - 1];
    const firstLink = row === 0 ? 0 : table.spanLinkEnd[row - 1];
    units +=
      (table.spanEventEnd[row] - firstEvent) * EVENT_VALUES + attrUnits(table, table.eventAttrs, table.eventAttrEnd, firstEvent, table.spanEventEnd[row]);
    units += (table.spanLinkEnd[row] - firstLink) * LINK_VALUES + attrUnits(table, table.linkAttrs, table.linkAttrEnd, firstLink, table.spanLinkEnd[row]);
  }
  return units;
}

/** Units of the attributes of owners `[from, to)`. */
function attrUnits({ strings }: SpanTable, { key, type, u32 }: AttrList, ends: Uint32Array, from: number, to: number): number {
  if (from === to) return 0;
  let units = 0;
  for (let a = from === 0 ? 0 : ends[from - 1]; a < ends[to - 1]; a++) {
    units += textUnits(strings.byteLength(key[a])) + (type[a] === ATTR_STRING ? textUnits(strings.byteLength(u32[a * 2])) : 1);
  }
  return units;
}

function textUnits(length: number): number {
  return length < BYTES_PER_UNIT ? 1 : length / BYTES_PER_UNIT;
}
