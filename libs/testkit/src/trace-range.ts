import type { TraceOrder } from '@vivace/trace';

/** Some of the traces of an order: a row group of them. */
export function traceRange(order: TraceOrder, from: number, to: number): TraceOrder {
  const first = order.traceSpans[from];
  return {
    traceCount: to - from,
    traces: order.traces.subarray(from, to),
    spans: order.spans.subarray(first, order.traceSpans[to]),
    traceSpans: order.traceSpans.slice(from, to + 1).map((at) => at - first),
  };
}
