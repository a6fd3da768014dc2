import type { DecodedValues } from './column-reader.ts';

/** A copy of the values `[from, to)`. Buffers hold nothing else, so that other typed arrays may alias them. Only dictionaries are borrowed. */
export function sliceValues(values: DecodedValues, from: number, to: number): DecodedValues {
  const length = to - from;
  switch (values.kind) {
    case 'dictionary':
      return { ...values, length, ids: values.ids.slice(from, to) };
    case 'bytes': {
      const start = from === 0 ? 0 : values.ends[from - 1];
      const end = length === 0 ? start : values.ends[to - 1];
      return { kind: 'bytes', length, bytes: values.bytes.slice(start, end), ends: values.ends.subarray(from, to).map((e) => e - start) };
    }
    case 'i64':
      return { kind: 'i64', length, u32: values.u32.slice(2 * from, 2 * to) };
    case 'i32':
      return { kind: 'i32', length, i32: values.i32.slice(from, to) };
    case 'f64':
      return { kind: 'f64', length, f64: values.f64.slice(from, to) };
    case 'f32':
      return { kind: 'f32', length, f32: values.f32.slice(from, to) };
    case 'bool':
      return { kind: 'bool', length, u8: values.u8.slice(from, to) };
    default:
      return { ...values, length, bytes: values.bytes.slice(from * values.width, to * values.width) };
  }
}
