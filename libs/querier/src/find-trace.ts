import { AppError } from '@vivace/base';
import { compareBytes } from '@vivace/bytes';
import { PartReader } from '@vivace/part';
import { cutTraces, identityOrder, orderByTrace, sortedTable, SpanTable, TraceAppender } from '@vivace/trace';
import type { SpanTableHandle, TraceOrder } from '@vivace/trace';
import type { FindTraceJob, FindTraceResult } from './jobs.ts';
import type { BlockReaders } from './open-sources.ts';

/** Hides the latency of an object store. */
const BLOCKS_AT_A_TIME = 16;

/** Puts one trace together from all places of a job; spans found twice count once. Stops at nothing but `maxBytes`: any place may hold a piece. */
export async function findTrace(
  { sources, traceId, inPart = false, maxBytes = 0 }: FindTraceJob,
  readers: BlockReaders,
  signal: AbortSignal,
): Promise<FindTraceResult> {
  const found = new SpanTable();
  let inspectedBytes = 0;
  let unread: FindTraceResult['unread'];
  // Newest first, as in `openRecent`.
  for (const handle of [...sources.tables].reverse()) {
    const table = new SpanTable({}, handle);
    const row = table.findTrace(traceId);
    if (row >= 0) new TraceAppender(table, found).append(orderOfTrace(table, row));
  }
  for (const path of [...sources.parts].reverse()) {
    const reader = new PartReader(path);
    try {
      const row = findSorted(reader.traceIds(), traceId);
      if (row >= 0) {
        const table = reader.readTraces(row, row + 1);
        new TraceAppender(table, found).append(identityOrder(table));
      }
      inspectedBytes += reader.bytesRead;
    } finally {
      reader.close();
    }
  }
  for (let from = 0; from < sources.blocks.length; from += BLOCKS_AT_A_TIME) {
    if (orderWithin(found, maxBytes).isCut) break;
    const slices = sources.blocks.slice(from, from + BLOCKS_AT_A_TIME);
    const tables = await Promise.all(
      slices.map(async (slice) => {
        try {
          return await (await readers.open(sources, slice)).findTrace(traceId, signal);
        } catch (reason) {
          if (!inPart || !(reason instanceof AppError) || reason.reason !== 'store_away') throw reason;
          unread = { blocks: (unread?.blocks ?? 0) + 1, why: reason.message };
          return undefined;
        }
      }),
    );
    for (const table of tables) if (table) new TraceAppender(table, found).append(orderByTrace(table));
  }
  return { ...finish(found, maxBytes), inspectedBytes, ...(unread && { unread }) };
}

/** One trace out of pieces of it, each a table of nothing else; spans found twice count once, and those beyond `maxBytes` not at all. */
export function joinTrace(pieces: readonly SpanTableHandle[], maxBytes: number): FoundTrace {
  const found = new SpanTable();
  for (const handle of pieces) {
    const table = new SpanTable({}, handle);
    new TraceAppender(table, found).append(orderByTrace(table));
  }
  return finish(found, maxBytes);
}

type FoundTrace = Pick<FindTraceResult, 'trace' | 'isCut'>;

function finish(found: SpanTable, maxBytes: number): FoundTrace {
  if (found.spanCount === 0) return { trace: undefined };
  const { order, isCut } = orderWithin(found, maxBytes);
  return { trace: sortedTable(found, order).handle(), ...(isCut && { isCut }) };
}

/** The spans in order, as far as they fit. */
function orderWithin(found: SpanTable, maxBytes: number): { readonly order: TraceOrder; readonly isCut: boolean } {
  const whole = orderByTrace(found);
  if (maxBytes === 0) return { order: whole, isCut: false };
  const { order, traces } = cutTraces(found, whole, [...whole.traces], maxBytes);
  return { order, isCut: traces.length > 0 };
}

/** The order of one trace of an unsorted table. */
function orderOfTrace(table: SpanTable, trace: number): TraceOrder {
  let n = 0;
  for (let row = 0; row < table.spanCount; row++) if (table.spanTrace[row] === trace) n++;
  const spans = new Uint32Array(n);
  n = 0;
  for (let row = 0; row < table.spanCount; row++) if (table.spanTrace[row] === trace) spans[n++] = row;
  return { traceCount: 1, traces: Uint32Array.of(trace), spans, traceSpans: Uint32Array.of(0, n) };
}

/** Row of `id` among sorted 16-byte ids, or -1. */
function findSorted(ids: Uint8Array, id: Uint8Array): number {
  let low = 0;
  let high = ids.length / 16 - 1;
  while (low <= high) {
    const mid = (low + high) >>> 1;
    const d = compareBytes(ids, mid * 16, id, 0, 16);
    if (d === 0) return mid;
    if (d < 0) low = mid + 1;
    else high = mid - 1;
  }
  return -1;
}
