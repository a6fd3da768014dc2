import type { Batch } from '../batch.ts';
import { compilePipeline } from '../pipeline.ts';
import type { Stage } from '@vivace/traceql';
import type { PlannedFilters } from '../plan-search.ts';
import type { Scratch } from './scratch.ts';
import { placeOnAxis } from './time-axis.ts';
import type { TimeAxis } from './time-axis.ts';

/** The spans of one batch that are counted. */
export interface Selection {
  count: number;
  /** Span rows, ascending. */
  readonly rows: Uint32Array;
  /** The bucket of each. */
  readonly buckets: Uint32Array;
  /** 1 for every span in `rows`; undefined: all spans of the batch are. */
  readonly mask: Uint8Array | undefined;
}

export interface SelectPlan {
  readonly stages: readonly Stage[];
  readonly filters: PlannedFilters;
  /** Every span is in the result. */
  readonly isAll: boolean;
  readonly axis: TimeAxis;
}

/** Spans of the pipeline's result that start on the axis. Traces are taken as the batch has them. */
export function selectSpans(plan: SelectPlan, batch: Batch, scratch: Scratch): Selection {
  const { columns } = batch;
  const { spanCount } = columns;
  const rows = scratch.u32('rows', spanCount + 1);
  const buckets = scratch.u32('buckets', spanCount + 1);
  const start = columns.spanStart();
  if (plan.isAll) {
    const count = placeOnAxis(plan.axis, start, undefined, spanCount, rows, buckets);
    return { count, rows, buckets, mask: count === spanCount ? undefined : maskOf(rows, count, spanCount, scratch) };
  }
  const matching = matchingRows(plan, batch, rows);
  const count = matching === 0 ? 0 : placeOnAxis(plan.axis, start, rows, matching, rows, buckets);
  return { count, rows, buckets, mask: count === spanCount ? undefined : maskOf(rows, count, spanCount, scratch) };
}

/** Writes the rows of the pipeline's result, ascending; returns how many. */
function matchingRows(plan: SelectPlan, batch: Batch, rows: Uint32Array): number {
  const { columns } = batch;
  const pipeline = compilePipeline(plan.stages, plan.filters, batch);
  const candidates = pipeline.candidates.bytes;
  let n = 0;
  if (pipeline.isExact) {
    // Without branches: which span matches is anybody's guess.
    for (let row = 0; row < columns.spanCount; row++) {
      rows[n] = row;
      n += candidates[row];
    }
  } else {
    const bounds = columns.traceSpans();
    for (let trace = 0; trace < columns.traceCount; trace++) {
      const to = bounds[trace + 1];
      let row = bounds[trace];
      while (row < to && candidates[row] === 0) row++;
      if (row === to) continue;
      const spansets = pipeline.run(bounds[trace], to);
      const from = n;
      for (const spanset of spansets) for (const found of spanset.rows) rows[n++] = found;
      // A span is in one spanset only; in the order of the rows whatever groups there were.
      if (spansets.length > 1) rows.subarray(from, n).sort();
    }
  }
  pipeline.release();
  return n;
}

function maskOf(rows: Uint32Array, count: number, spanCount: number, scratch: Scratch): Uint8Array {
  const mask = scratch.zeroBytes('selected', spanCount);
  for (let i = 0; i < count; i++) mask[rows[i]] = 1;
  return mask;
}
