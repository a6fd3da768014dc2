import { DictionaryValues, Int64Dictionary, Int64Values, PhysicalType } from '@vivace/parquet';
import type { ColumnValues } from '@vivace/parquet';
import type { Scratch } from './scratch.ts';

/** More distinct values than this, or than an eighth of all, are stored as deltas. */
const MAX_ENTRIES = 4096;

/** `n` int64 as halves: dictionary coded when few differ (status codes, ports, sizes), else delta coded. The result borrows `halves` and scratch. */
export function int64Values(scratch: Scratch, halves: Uint32Array, n: number, unsigned: boolean): ColumnValues {
  const limit = Math.min(MAX_ENTRIES, n >>> 3);
  if (n === 0 || limit === 0) return new Int64Values(halves, unsigned);
  let capacity = 16;
  while (capacity < limit * 2) capacity *= 2;
  const mask = capacity - 1;
  const slots = scratch.zeros(capacity);
  const entries = scratch.u32(limit * 2);
  const indices = scratch.u32(n);
  let size = 0;
  for (let i = 0; i < n; i++) {
    const low = halves[2 * i];
    const high = halves[2 * i + 1];
    let slot = (Math.imul(low ^ Math.imul(high, 0x85ebca6b), 0x9e3779b1) >>> 12) & mask;
    let entry = slots[slot];
    while (entry !== 0 && (entries[2 * entry - 2] !== low || entries[2 * entry - 1] !== high)) {
      slot = (slot + 1) & mask;
      entry = slots[slot];
    }
    if (entry === 0) {
      if (size === limit) return new Int64Values(halves, unsigned);
      entries[2 * size] = low;
      entries[2 * size + 1] = high;
      entry = ++size;
      slots[slot] = entry;
    }
    indices[i] = entry - 1;
  }
  return new DictionaryValues(PhysicalType.INT64, indices, new Int64Dictionary(entries.subarray(0, size * 2), unsigned));
}
