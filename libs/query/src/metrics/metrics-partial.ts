import type { KeyValueJson } from '../model.ts';
import type { GroupValue } from './value-table.ts';

/** A span shown for a point of a series. */
export interface ExemplarPiece {
  /** Row of `MetricsPartial.groups`. */
  readonly group: number;
  readonly bucket: number;
  /** Unix nanoseconds. */
  readonly startNs: bigint;
  /** 32 hex digits. */
  readonly traceId: string;
  /** Smaller comes first: the choice among many is the same wherever the spans lie. */
  readonly rank: number;
  /** Of the attribute; NaN for functions that count. */
  readonly value: number;
  readonly labels: readonly KeyValueJson[];
}

/**
 * What one job counted, to be merged with what others did. Plain data: crosses threads by structured clone. A series is a row of cells, one a bucket:
 * cell `s * buckets + b` of each array of `cells`. Which arrays there are depends on the function: `cellFills`.
 */
export interface MetricsPartial {
  /** The values in the order of `by()`. One may be there several times. */
  readonly groups: readonly (readonly GroupValue[])[];
  /** The group of each series. */
  readonly seriesGroup: Uint32Array;
  /** The power-of-two bucket of each series of a histogram or quantile (`power-buckets.ts`), else 0. */
  readonly seriesKey: Uint32Array;
  readonly cells: readonly Float64Array[];
  readonly exemplars: readonly ExemplarPiece[];
  /** Labels on which groups beyond the limit were left out. */
  readonly overflowed: readonly string[];
  readonly inspectedTraces: number;
  readonly inspectedSpans: number;
  readonly inspectedBytes: number;
}
