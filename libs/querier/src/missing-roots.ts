import { isRootless } from '@vivace/query';
import type { SearchRequest, TimeRange, TraceSearchMetadata } from '@vivace/query';
import { parseQuery } from '@vivace/traceql';

/** More traces without a root than this are data that has none: asking for all of them would cost more than the search. */
const MAX_ASKED = 100;
/** How far from the spans found the rest of a trace is looked for. */
const AROUND_SEC = 600;

/** A search for the traces whose root is not among the spans found: it may lie in a block, or with an ingester, where nothing matched. */
export function rootsRequest(traces: readonly TraceSearchMetadata[], legacy: boolean): (SearchRequest & { readonly range: TimeRange }) | undefined {
  const rootless = traces.filter(isRootless).slice(0, MAX_ASKED);
  if (rootless.length === 0) return undefined;
  const starts = rootless.map(({ startTimeUnixNano }) => Number(BigInt(startTimeUnixNano) / 1_000_000_000n));
  const ends = rootless.map(({ durationMs = 0 }, i) => starts[i] + durationMs / 1_000);
  return {
    query: parseQuery(`{ ${rootless.map(({ traceID }) => `trace:id = "${traceID}"`).join(' || ')} }`),
    // One more than there are: a full answer leaves out old pieces.
    limit: rootless.length + 1,
    spansPerSpanSet: 1,
    range: { startSec: Math.min(...starts) - AROUND_SEC, endSec: Math.ceil(Math.max(...ends)) + AROUND_SEC },
    legacy,
  };
}

/** `traces` with root, time and services of `whole` where these have a root; newest first again, since a trace begins with its root. */
export function withRoots(traces: readonly TraceSearchMetadata[], whole: readonly TraceSearchMetadata[]): readonly TraceSearchMetadata[] {
  const byId = new Map(whole.filter((trace) => !isRootless(trace)).map((trace) => [trace.traceID, trace]));
  if (byId.size === 0) return traces;
  return traces
    .map((trace) => {
      const { spanSet, spanSets } = trace;
      const found = isRootless(trace) ? byId.get(trace.traceID) : undefined;
      return found ? { ...found, ...(spanSet && spanSets && { spanSet, spanSets }) } : trace;
    })
    .sort(newestFirst);
}

function newestFirst(a: TraceSearchMetadata, b: TraceSearchMetadata): number {
  const [startA, startB] = [BigInt(a.startTimeUnixNano), BigInt(b.startTimeUnixNano)];
  if (startA !== startB) return startA > startB ? -1 : 1;
  return a.traceID < b.traceID ? -1 : 1;
}
