import type { DecodedValues } from './column-reader.ts';

/** The values `[from, to)`. Words of 64 bits are copied, so that their buffer holds nothing else and other typed arrays may alias it; the rest is borrowed. */
export function sliceValues(values: DecodedValues, from: number, to: number): DecodedValues {
  const length = to - from;
  switch (values.kind) {
    case 'dictionary':
      return { ...values, length, ids: values.ids.subarray(from, to) };
    case 'bytes': {
      const start = from === 0 ? 0 : values.ends[from - 1];
      const end = length === 0 ? start : values.ends[to - 1];
      return { kind: 'bytes', length, bytes: values.bytes.subarray(start, end), ends: values.ends.slice(from, to).map((e) => e - start) };
    }
    case 'i64':
      return { kind: 'i64', length, u32: values.u32.slice(2 * from, 2 * to) };
    case 'i32':
      return { kind: 'i32', length, i32: values.i32.subarray(from, to) };
    case 'f64':
      return { kind: 'f64', length, f64: values.f64.slice(from, to) };
    case 'f32':
      return { kind: 'f32', length, f32: values.f32.subarray(from, to) };
    case 'bool':
      return { kind: 'bool', length, u8: values.u8.subarray(from, to) };
    default:
      return { ...values, length, bytes: values.bytes.subarray(from * values.width, to * values.width) };
  }
}
