import type { SpanColumns } from '@vivace/trace';
import { NeedsBuilder } from './field.ts';
import type { Batches } from './load-ahead.ts';
import type { TimeRange } from './model.ts';
import { timeFilter } from './time-filter.ts';

const SECOND_NS = 1_000_000_000n;

/** Leaves out recent spans none of whose traces overlaps the range. Blocks, which know summaries, were chosen by their times. */
export async function* batchesInRange(batches: Batches, range: TimeRange, signal: AbortSignal | undefined): AsyncGenerator<SpanColumns> {
  const needs = new NeedsBuilder();
  needs.addColumns('traceTimes');
  const overlaps = timeFilter(BigInt(range.startSec) * SECOND_NS, BigInt(range.endSec) * SECOND_NS);
  for await (const columns of batches) {
    if (!columns.summarise) await columns.load(needs, signal);
    if (columns.summarise || hasTrace(columns, overlaps)) yield columns;
  }
}

function hasTrace(columns: SpanColumns, overlaps: ReturnType<typeof timeFilter>): boolean {
  const start = columns.traceStart();
  const duration = columns.traceDuration();
  for (let t = 0; t < columns.traceCount; t++) if (overlaps(start[2 * t + 1], start[2 * t], duration[t])) return true;
  return false;
}
