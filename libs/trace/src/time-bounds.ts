/** Whole milliseconds around traces: exact, where the nanoseconds of today in a double are off by up to 128. */
export class TimeBounds {
  /** Infinity without traces. */
  startMs = Number.POSITIVE_INFINITY;
  endMs = 0;

  /** Takes in a trace: its start as halves of u64 nanoseconds, and its duration in nanoseconds. */
  add(startLow: number, startHigh: number, duration: number): void {
    // 2^32 ns are 4294 ms and 967,296 ns.
    const ns = startHigh * 967_296 + startLow;
    const ms = startHigh * 4_294 + Math.floor(ns / 1e6);
    if (ms < this.startMs) this.startMs = ms;
    const end = ms + Math.ceil(((ns % 1e6) + duration) / 1e6);
    if (end > this.endMs) this.endMs = end;
  }
}
