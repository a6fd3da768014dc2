import { AppError } from '@vivace/base';

/**
 * The buckets of a metrics query. Bucket `i` holds the span starts in `(fromNs + i·step, fromNs + (i+1)·step]` and is stamped with its right
 * edge (docs/traceql.md, "Metrics").
 */
export interface TimeAxis {
  /** Exclusive. */
  readonly fromNs: bigint;
  readonly stepNs: bigint;
  readonly buckets: number;
}

/** Edges are multiples of the step; the first bucket ends at or before the start asked for, the last at or after the end. */
export function rangeAxis(startNs: bigint, endNs: bigint, stepNs: bigint): TimeAxis {
  if (stepNs < 1n) throw new AppError('invalid_argument', `step of ${stepNs} ns is too small, at least 1 ns`);
  const first = floorDiv(startNs, stepNs);
  const last = -floorDiv(-endNs, stepNs);
  return { fromNs: (first - 1n) * stepNs, stepNs, buckets: Math.max(0, Number(last - first) + 1) };
}

/** One bucket, `(start, end]`. */
export function instantAxis(startNs: bigint, endNs: bigint): TimeAxis {
  const width = endNs - startNs;
  return { fromNs: startNs, stepNs: width > 0n ? width : 1n, buckets: width > 0n ? 1 : 0 };
}

/** Unix milliseconds of the right edge of a bucket. */
export function stampMs({ fromNs, stepNs }: TimeAxis, bucket: number): string {
  return floorDiv(fromNs + BigInt(bucket + 1) * stepNs, 1_000_000n).toString();
}

export function endOf({ fromNs, stepNs, buckets }: TimeAxis): bigint {
  return fromNs + BigInt(buckets) * stepNs;
}

const TWO_32 = 4_294_967_296;
/** Below this, differences and their quotients are exact in doubles: `floor(a / b)` of integers is, for a < 2^53. */
const MAX_EXACT_NS = 9_007_199_254_740_991n;

/** The bucket of a start that is not on the axis. */
export const OFF_AXIS = 0xffff_ffff;

/**
 * Finds the bucket of every start (u64 halves), `OFF_AXIS` for those before or after; returns how many are on the axis. With `rows` those rows, in place
 * `i` the bucket of `rows[i]`; without, the rows `[0, count)`. Exact to the nanosecond.
 */
export function placeOnAxis(axis: TimeAxis, start: Uint32Array, rows: Uint32Array | undefined, count: number, out: Uint32Array): number {
  const { fromNs, stepNs, buckets } = axis;
  // Counted from the first nanosecond on the axis, so that the right edge is the last of its bucket.
  const base = fromNs + 1n;
  const length = stepNs * BigInt(buckets);
  if (length > MAX_EXACT_NS) return placeWide(base, stepNs, buckets, start, rows, count, out);
  const high = Number(base >> 32n);
  const low = Number(base & 0xffff_ffffn);
  const step = Number(stepNs);
  const end = Number(length);
  let n = 0;
  for (let i = 0; i < count; i++) {
    const row = rows === undefined ? i : rows[i];
    const since = (start[2 * row + 1] - high) * TWO_32 + (start[2 * row] - low);
    if (since >= 0 && since < end) {
      out[i] = since / step;
      n++;
    } else out[i] = OFF_AXIS;
  }
  return n;
}

/** An axis of more than 104 days, where doubles do not reach. */
function placeWide(base: bigint, step: bigint, buckets: number, start: Uint32Array, rows: Uint32Array | undefined, count: number, out: Uint32Array): number {
  let n = 0;
  for (let i = 0; i < count; i++) {
    const row = rows ? rows[i] : i;
    const since = ((BigInt(start[2 * row + 1]) << 32n) | BigInt(start[2 * row])) - base;
    const bucket = since < 0n ? buckets : Number(since / step);
    out[i] = bucket < buckets ? bucket : OFF_AXIS;
    if (bucket < buckets) n++;
  }
  return n;
}

function floorDiv(a: bigint, b: bigint): bigint {
  const q = a / b;
  return a % b < 0n ? q - 1n : q;
}
