import { PhysicalType } from '../format.ts';
import type { Bounds } from './column-values.ts';

/** Longest byte-string bound that is stored. */
const MAX_BYTES = 16;

/**
 * Bounds as statistics hold them: long byte strings are cut, an upper bound is rounded up so that it stays one. Undefined when
 * it cannot be (all 0xff). Cut bounds are bounds, not values; the format's flags that would say so must not be written (see metadata-writer.ts).
 */
export function shortBounds(type: PhysicalType, bounds: Bounds | undefined): Bounds | undefined {
  if (bounds === undefined || type !== PhysicalType.BYTE_ARRAY) return bounds;
  if (bounds.max.length <= MAX_BYTES) return { min: bounds.min.slice(0, MAX_BYTES), max: bounds.max };
  let last = MAX_BYTES - 1;
  while (last >= 0 && bounds.max[last] === 0xff) last--;
  if (last < 0) return undefined;
  const max = bounds.max.slice(0, last + 1);
  max[last]++;
  return { min: bounds.min.slice(0, MAX_BYTES), max };
}
