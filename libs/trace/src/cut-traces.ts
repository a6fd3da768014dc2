import { hex } from '@vivace/base';
import type { AttrList } from './attr-list.ts';
import { ATTR_JSON, ATTR_STRING } from './attr-list.ts';
import type { SpanTable } from './span-table.ts';
import type { TraceOrder } from './trace-order.ts';

/** A trace that lost spans because it is too large. */
export interface CutTrace {
  /** 32 hex digits. */
  readonly traceId: string;
  readonly keptSpans: number;
  readonly droppedSpans: number;
}

// What is there at least as OTLP, besides texts: what was taken within a limit must not be cut by the same limit later.
/** Tag and length of the span, two ids, two times. */
const SPAN_BYTES = 48;
/** Tags and lengths of pair, key and value, and a value of a byte. */
const ATTR_BYTES = 8;
/** Tag and length, a time. */
const EVENT_BYTES = 11;
/** Arrays and maps are kept as JSON, which takes up to so many times the bytes of OTLP. */
const JSON_FACTOR = 4;

/**
 * Leaves out the last spans, in storage order, of those of `traces` (rows of `table`) that are larger than `maxBytes` of OTLP, as far as that can be told without making it: what
 * is counted is never more than they take. Every trace keeps a span.
 */
export function cutTraces(
  table: SpanTable,
  order: TraceOrder,
  traces: readonly number[],
  maxBytes: number,
): { readonly order: TraceOrder; readonly traces: readonly CutTrace[] } {
  const asked = new Set(traces);
  const kept = new Map<number, number>();
  const cut: CutTrace[] = [];
  for (let t = 0; t < order.traceCount; t++) {
    const trace = order.traces[t];
    if (!asked.has(trace)) continue;
    const from = order.traceSpans[t];
    const to = order.traceSpans[t + 1];
    const end = fitting(table, order.spans, from, to, maxBytes);
    if (end === to) continue;
    kept.set(t, end - from);
    cut.push({ traceId: hex(table.traceId, trace * 16, trace * 16 + 16), keptSpans: end - from, droppedSpans: to - end });
  }
  return { order: cut.length === 0 ? order : shortened(order, kept), traces: cut };
}

function fitting(table: SpanTable, spans: Uint32Array, from: number, to: number, maxBytes: number): number {
  let bytes = 0;
  for (let i = from; i < to; i++) {
    bytes += spanBytes(table, spans[i]);
    if (bytes > maxBytes) return Math.max(i, from + 1);
  }
  return to;
}

function spanBytes(table: SpanTable, span: number): number {
  const { strings, spanAttrs, spanAttrEnd, spanEventEnd, eventAttrs, eventAttrEnd } = table;
  const length = (id: number): number => strings.ends[id] - startOf(strings.ends, id);
  const attrBytes = (list: AttrList, from: number, to: number): number => {
    let bytes = 0;
    for (let a = from; a < to; a++) {
      bytes += ATTR_BYTES + length(list.key[a]);
      if (list.type[a] === ATTR_STRING) bytes += length(list.u32[2 * a]);
      else if (list.type[a] === ATTR_JSON) bytes += Math.floor(length(list.u32[2 * a]) / JSON_FACTOR);
    }
    return bytes;
  };
  let bytes = SPAN_BYTES + length(table.spanName[span]) + length(table.spanStatusMessage[span]);
  bytes += attrBytes(spanAttrs, startOf(spanAttrEnd, span), spanAttrEnd[span]);
  for (let e = startOf(spanEventEnd, span); e < spanEventEnd[span]; e++) {
    bytes += EVENT_BYTES + length(table.eventName[e]) + attrBytes(eventAttrs, startOf(eventAttrEnd, e), eventAttrEnd[e]);
  }
  return bytes;
}

function startOf(ends: Uint32Array, row: number): number {
  return row === 0 ? 0 : ends[row - 1];
}

/** `order` with only the first `kept.get(t)` spans of trace `t`. */
function shortened(order: TraceOrder, kept: ReadonlyMap<number, number>): TraceOrder {
  const spans = new Uint32Array(order.spans.length);
  const traceSpans = new Uint32Array(order.traceCount + 1);
  let end = 0;
  for (let t = 0; t < order.traceCount; t++) {
    const from = order.traceSpans[t];
    const count = kept.get(t) ?? order.traceSpans[t + 1] - from;
    spans.set(order.spans.subarray(from, from + count), end);
    end += count;
    traceSpans[t + 1] = end;
  }
  return { traceCount: order.traceCount, traces: order.traces, spans: spans.subarray(0, end), traceSpans };
}
