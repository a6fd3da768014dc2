import type { SpanTable } from '@vivace/trace';
import { orderByTrace } from '@vivace/trace';

/** The spans of one trace in storage order (grouped by resource, then scope), each once. */
export function traceSpans(table: SpanTable, traceRow: number): Uint32Array {
  const order = orderByTrace(table);
  const i = order.traces.indexOf(traceRow);
  return i < 0 ? new Uint32Array(0) : order.spans.subarray(order.traceSpans[i], order.traceSpans[i + 1]);
}

/** `[from, to)` of the entries that belong to `row`, for columns of end offsets. */
export function firstOf(ends: Uint32Array, row: number): number {
  return row === 0 ? 0 : ends[row - 1];
}

/** True unless the eight bytes at row `row` are all zero: a root has no parent. */
export function hasParent(table: SpanTable, row: number): boolean {
  for (let i = row * 8; i < row * 8 + 8; i++) if (table.spanParentId[i] !== 0) return true;
  return false;
}

/** A u64 in a column of halves. */
export function u64At(halves: Uint32Array, row: number): bigint {
  return (BigInt(halves[2 * row + 1]) << 32n) | BigInt(halves[2 * row]);
}

/** End time of a span, from its start and duration. */
export function endTime(table: SpanTable, row: number): bigint {
  return BigInt.asUintN(64, u64At(table.spanStart, row) + BigInt(table.spanDuration[row]));
}

/** Absolute time of an event of span `row`. */
export function eventTime(table: SpanTable, row: number, event: number): bigint {
  return BigInt.asUintN(64, u64At(table.spanStart, row) + u64At(table.eventOffset, event));
}
