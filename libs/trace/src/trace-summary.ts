import type { SpanTable } from './span-table.ts';
import type { TraceOrder } from './trace-order.ts';

/** What is known of whole traces, one row per trace of an order. String ids are of the table's dictionary. */
export interface TraceSummary {
  /** Earliest span start as halves; zero starts count as unset. */
  readonly start: Uint32Array;
  /** Latest end minus earliest start, nanoseconds. */
  readonly duration: Float64Array;
  readonly rootService: Uint32Array;
  readonly rootName: Uint32Array;
}

/** Nanoseconds from `from` to `to`, both u64 halves; exact within ±104 days, may be negative. */
export function halvesDelta(toLow: number, toHigh: number, fromLow: number, fromHigh: number): number {
  return (toHigh - fromHigh) * 4294967296 + (toLow - fromLow);
}

/**
 * Start, duration and root of each trace. The root is the last span without parent, in storage order, that is not linked to its
 * own trace as `opentracing.ref_type = child_of` (docs/format/block.md).
 */
export function summariseTraces(table: SpanTable, order: TraceOrder): TraceSummary {
  const n = order.traceCount;
  const start = new Uint32Array(n * 2);
  const duration = new Float64Array(n);
  const rootService = new Uint32Array(n);
  const rootName = new Uint32Array(n);
  const { spanStart, spanDuration, spanName, spanResource, resourceService } = table;
  const parents = new Uint32Array(table.spanParentId.buffer, table.spanParentId.byteOffset, table.spanCount * 2);
  for (let t = 0; t < n; t++) {
    let low = 0xffffffff;
    let high = 0xffffffff;
    let root = -1;
    const from = order.traceSpans[t];
    const to = order.traceSpans[t + 1];
    for (let i = from; i < to; i++) {
      const row = order.spans[i];
      const h = spanStart[row * 2 + 1];
      const l = spanStart[row * 2];
      if ((h < high || (h === high && l < low)) && (h | l) !== 0) {
        high = h;
        low = l;
      }
      if (parents[row * 2] === 0 && parents[row * 2 + 1] === 0 && !isChildOfLink(table, row)) root = row;
    }
    if (low === 0xffffffff && high === 0xffffffff) low = high = 0;
    let longest = 0;
    for (let i = from; i < to; i++) {
      const row = order.spans[i];
      if ((spanStart[row * 2] | spanStart[row * 2 + 1]) === 0) continue;
      const end = halvesDelta(spanStart[row * 2], spanStart[row * 2 + 1], low, high) + spanDuration[row];
      if (end > longest) longest = end;
    }
    start[t * 2] = low;
    start[t * 2 + 1] = high;
    duration[t] = longest;
    if (root >= 0) {
      rootName[t] = spanName[root];
      rootService[t] = resourceService[spanResource[root]];
    }
  }
  return { start, duration, rootService, rootName };
}

function isChildOfLink(table: SpanTable, row: number): boolean {
  const to = table.spanLinkEnd[row];
  const from = row === 0 ? 0 : table.spanLinkEnd[row - 1];
  const trace = table.spanTrace[row] * 16;
  for (let link = from; link < to; link++) {
    let same = true;
    for (let i = 0; i < 16 && same; i++) same = table.linkTraceId[link * 16 + i] === table.traceId[trace + i];
    if (!same) continue;
    const attrs = table.linkAttrs;
    for (let a = link === 0 ? 0 : table.linkAttrEnd[link - 1]; a < table.linkAttrEnd[link]; a++) {
      if (attrs.type[a] === 1 && table.strings.get(attrs.key[a]) === 'opentracing.ref_type' && table.strings.get(attrs.u32[a * 2]) === 'child_of') return true;
    }
  }
  return false;
}
