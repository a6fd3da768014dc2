import type { ByteSource } from '../format.ts';
import type { Section } from './pages.ts';

export interface ByteRange {
  readonly offset: number;
  readonly length: number;
}

export interface CoalesceLimits {
  /** Ranges this close together are read as one: a read costs more than the bytes between. */
  readonly maxGap: number;
  /** A read is not made longer than this by joining. */
  readonly maxLength: number;
}

const DEFAULT_LIMITS: CoalesceLimits = { maxGap: 64 * 1024, maxLength: 8 * 1024 * 1024 };

/** The reads that cover `ranges`, ascending. Pure. */
export function planReads(ranges: readonly ByteRange[], limits: CoalesceLimits = DEFAULT_LIMITS): readonly ByteRange[] {
  const sorted = [...ranges].sort((a, b) => a.offset - b.offset);
  const reads: { offset: number; length: number }[] = [];
  for (const range of sorted) {
    const last = reads.at(-1);
    const end = range.offset + range.length;
    if (last && range.offset - (last.offset + last.length) <= limits.maxGap && end - last.offset <= Math.max(limits.maxLength, last.length))
      last.length = Math.max(last.length, end - last.offset);
    else reads.push({ offset: range.offset, length: range.length });
  }
  return reads;
}

/** Fetches `ranges` with few reads, in parallel. The sections are views of the reads, in the order of `ranges`. */
export async function fetchRanges(source: ByteSource, ranges: readonly ByteRange[], signal?: AbortSignal): Promise<Section[]> {
  const reads = planReads(ranges);
  const done = await Promise.allSettled(reads.map((read) => source.read(read.offset, read.length, signal)));
  const bytes = done.map((result) => {
    if (result.status === 'rejected') throw result.reason;
    return result.value;
  });
  return ranges.map((range) => {
    let low = 0;
    let high = reads.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (reads[middle].offset <= range.offset) low = middle;
      else high = middle - 1;
    }
    const from = range.offset - reads[low].offset;
    return { offset: range.offset, bytes: bytes[low].subarray(from, from + range.length) };
  });
}
