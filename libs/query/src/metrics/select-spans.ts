import type { Batch } from '../batch.ts';
import type { Mask } from '../mask.ts';
import { compilePipeline } from '../pipeline.ts';
import type { ColumnNeeds } from '@vivace/trace';
import type { Stage } from '@vivace/traceql';
import type { PlannedFilters } from '../plan-search.ts';
import { rowsOfTraces } from '../rows-of-traces.ts';
import type { Scratch } from './scratch.ts';
import { OFF_AXIS, placeOnAxis } from './time-axis.ts';
import type { TimeAxis } from './time-axis.ts';

/** The spans of one batch that are counted. */
export interface Selection {
  /** What they were selected by. */
  readonly filters: PlannedFilters;
  count: number;
  /** Span rows, ascending; undefined: row `i` stands in place `i`. */
  rows: Uint32Array | undefined;
  /** The bucket of each. */
  readonly buckets: Uint32Array;
  /** 1 for every span selected; undefined: all spans of the batch are. */
  readonly mask: Uint8Array | undefined;
}

export interface SelectPlan {
  readonly stages: readonly Stage[];
  readonly filters: PlannedFilters;
  /** Every span is in the result. */
  readonly isAll: boolean;
  readonly axis: TimeAxis;
}

/** What must be loaded to leave out traces, too. */
export function needsOf({ needs }: { readonly needs: ColumnNeeds }, without: Uint8Array | undefined): ColumnNeeds {
  return without ? { columns: new Set([...needs.columns, 'traceId' as const]), attrs: needs.attrs } : needs;
}

/** Spans of the pipeline's result that start on the axis, but for those of the traces `without` (16 bytes each, ascending). Traces are taken as the batch has them. */
export function selectSpans(plan: SelectPlan, batch: Batch, scratch: Scratch, without?: Uint8Array): Selection {
  const { columns } = batch;
  const { spanCount } = columns;
  const out = without && rowsOfTraces(columns, without);
  const rows = plan.isAll && !out?.length ? undefined : scratch.u32('rows', spanCount);
  const matching = rows ? matchingRows(plan, batch, rows, out) : spanCount;
  const buckets = scratch.u32('buckets', matching);
  const count = matching === 0 ? 0 : placeOnAxis(plan.axis, columns.spanStart(), rows, matching, buckets);
  const { filters } = plan;
  if (count === spanCount) return { filters, count, rows: undefined, buckets, mask: undefined };
  const kept = rows ?? scratch.u32('rows', spanCount);
  if (count < matching) keepPlaced(rows, matching, buckets, kept);
  const mask = scratch.zeroBytes('selected', spanCount);
  for (let i = 0; i < count; i++) mask[kept[i]] = 1;
  return { filters, count, rows: kept, buckets, mask };
}

/** Moves what is on the axis to the front. */
function keepPlaced(rows: Uint32Array | undefined, count: number, buckets: Uint32Array, outRows: Uint32Array): void {
  let n = 0;
  for (let i = 0; i < count; i++) {
    if (buckets[i] === OFF_AXIS) continue;
    outRows[n] = rows ? rows[i] : i;
    buckets[n++] = buckets[i];
  }
}

/** Writes the rows of the pipeline's result, ascending, without those of the trace rows `out`; returns how many. */
function matchingRows(plan: SelectPlan, batch: Batch, rows: Uint32Array, out: Uint32Array | undefined): number {
  const { columns } = batch;
  const pipeline = compilePipeline(plan.stages, plan.filters, batch);
  const candidates = pipeline.candidates;
  if (out?.length) {
    const bounds = columns.traceSpans();
    for (const trace of out) candidates.bytes.fill(0, bounds[trace], bounds[trace + 1]);
  }
  let n = 0;
  if (pipeline.isExact) n = maskRows(candidates, columns.spanCount, rows);
  else {
    const { bytes } = candidates;
    const bounds = columns.traceSpans();
    const { traceCount } = columns;
    for (let trace = 0; trace < traceCount; trace++) {
      const to = bounds[trace + 1];
      let row = bounds[trace];
      while (row < to && bytes[row] === 0) row++;
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

/** The rows set in a mask: four at a time where none is, else without branches. */
function maskRows({ bytes, words }: Mask, count: number, rows: Uint32Array): number {
  let n = 0;
  const whole = count >>> 2;
  for (let w = 0; w < whole; w++) {
    if (words[w] === 0) continue;
    for (let row = 4 * w; row < 4 * w + 4; row++) {
      rows[n] = row;
      n += bytes[row];
    }
  }
  for (let row = 4 * whole; row < count; row++) if (bytes[row] !== 0) rows[n++] = row;
  return n;
}
