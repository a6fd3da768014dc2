import { PhysicalType } from '@vivace/parquet';
import type { ColumnMetaData } from '@vivace/parquet';
import type { ValueSummary } from '@vivace/trace';

export type NumberBounds = ValueSummary['numbers'];

export const NO_NUMBERS: NumberBounds = { min: Number.POSITIVE_INFINITY, max: Number.NEGATIVE_INFINITY };

/** What holds for both. */
export function unite(a: NumberBounds, b: NumberBounds): NumberBounds {
  return a && b && { min: Math.min(a.min, b.min), max: Math.max(a.max, b.max) };
}

/** The footer's bounds of a column of signed 64-bit integers or doubles; undefined when there are none to rely on. */
export function numberBounds({ type, statistics }: ColumnMetaData): NumberBounds {
  const { minValue, maxValue } = statistics ?? {};
  if (minValue?.length !== 8 || maxValue?.length !== 8) return undefined;
  if (type === PhysicalType.INT64) return { min: toNumber(minValue), max: toNumber(maxValue) };
  if (type !== PhysicalType.DOUBLE) return undefined;
  const min = viewOf(minValue).getFloat64(0, true);
  const max = viewOf(maxValue).getFloat64(0, true);
  // Writers differ in what they make of NaN: bounds with one say nothing.
  return Number.isNaN(min) || Number.isNaN(max) ? undefined : { min, max };
}

/** What a double cannot hold exactly may lie a little beyond: then there is no bound on that side. */
function toNumber(bytes: Uint8Array): number {
  const value = Number(viewOf(bytes).getBigInt64(0, true));
  return Number.isSafeInteger(value) ? value : value * Number.POSITIVE_INFINITY;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
