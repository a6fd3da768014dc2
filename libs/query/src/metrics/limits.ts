import type { FunctionPlan } from './plan-metrics.ts';

/** Samples of an answer: some 16 MB of JSON. */
export const MAX_SAMPLES = 500_000;

/** Counted values kept, for all series together: 32 MB for each array of them. */
const MAX_CELLS = 4_194_304;

/** Rows of cells of `buckets` each that are kept, by a job and of all together. */
export function mostRows(buckets: number): number {
  return Math.max(1, Math.floor(MAX_CELLS / Math.max(1, buckets)));
}

/** Groups that are counted: no more than can be shown, unless a second stage chooses among them. */
export function mostGroups({ second, axis: { buckets }, metrics: { quantiles } }: FunctionPlan, maxSeries: number): number {
  const shown = Math.floor(MAX_SAMPLES / Math.max(1, buckets) / Math.max(1, quantiles.length));
  return Math.max(1, Math.min(maxSeries, second.length > 0 ? mostRows(buckets) : shown));
}
