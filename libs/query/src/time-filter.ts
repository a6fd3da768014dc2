/** Whether a trace (start as u64 halves, duration in nanoseconds) overlaps a range. */
export type TimeFilter = (high: number, low: number, durationNs: number) => boolean;

const TWO_32 = 4_294_967_296;

/**
 * Overlap of the whole trace, both ends inclusive (traceql.md 5.2). Works on differences, which doubles hold exactly up to 104 days,
 * so that the edges are exact without bigint per trace.
 */
export function timeFilter(startNs: bigint, endNs: bigint): TimeFilter {
  const [startHigh, startLow] = halves(startNs);
  const [endHigh, endLow] = halves(endNs);
  return (high, low, durationNs) => {
    if (high > endHigh || (high === endHigh && low > endLow)) return false;
    return durationNs >= (startHigh - high) * TWO_32 + (startLow - low);
  };
}

function halves(ns: bigint): readonly [number, number] {
  const clamped = ns < 0n ? 0n : ns > 0xffff_ffff_ffff_ffffn ? 0xffff_ffff_ffff_ffffn : ns;
  return [Number(clamped >> 32n), Number(clamped & 0xffff_ffffn)];
}
