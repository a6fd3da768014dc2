import { PhysicalType } from '../format.ts';
import type { ByteCursor } from './byte-cursor.ts';
import type { ReadLeaf } from './schema-leaves.ts';

/** Values of a column that is not BYTE_ARRAY, dense (nulls take no place). */
export type NumberValues =
  | { readonly kind: 'bool'; readonly length: number; readonly u8: Uint8Array }
  | { readonly kind: 'i32'; readonly length: number; readonly i32: Int32Array }
  /** INT64 as halves, low word at `2 * i`; the words lie 8-aligned, so a BigInt64Array or Float64Array may alias them. */
  | { readonly kind: 'i64'; readonly length: number; readonly u32: Uint32Array }
  | { readonly kind: 'f32'; readonly length: number; readonly f32: Float32Array }
  | { readonly kind: 'f64'; readonly length: number; readonly f64: Float64Array }
  /** FIXED_LEN_BYTE_ARRAY and INT96: `width` bytes a value. */
  | { readonly kind: 'fixed'; readonly length: number; readonly width: number; readonly bytes: Uint8Array };

/** Bytes of one value, for types of fixed width. */
export function valueWidth(cursor: ByteCursor, leaf: ReadLeaf): number {
  switch (leaf.type) {
    case PhysicalType.INT32:
    case PhysicalType.FLOAT:
      return 4;
    case PhysicalType.INT64:
    case PhysicalType.DOUBLE:
      return 8;
    case PhysicalType.INT96:
      return 12;
    case PhysicalType.FIXED_LEN_BYTE_ARRAY:
      return leaf.element.typeLength ?? cursor.fail('fixed-length column without a length');
    default:
      return cursor.fail(`type ${leaf.type} has no fixed width`);
  }
}

/** Zeroed room for `count` values of the leaf. */
export function allocateNumbers(cursor: ByteCursor, leaf: ReadLeaf, count: number): NumberValues {
  switch (leaf.type) {
    case PhysicalType.BOOLEAN:
      return { kind: 'bool', length: count, u8: new Uint8Array(count) };
    case PhysicalType.INT32:
      return { kind: 'i32', length: count, i32: new Int32Array(count) };
    case PhysicalType.INT64:
      return { kind: 'i64', length: count, u32: new Uint32Array(new ArrayBuffer(count * 8)) };
    case PhysicalType.FLOAT:
      return { kind: 'f32', length: count, f32: new Float32Array(count) };
    case PhysicalType.DOUBLE:
      return { kind: 'f64', length: count, f64: new Float64Array(count) };
    default: {
      const width = valueWidth(cursor, leaf);
      return { kind: 'fixed', length: count, width, bytes: new Uint8Array(count * width) };
    }
  }
}

/** The memory of the values, byte by byte: Parquet and the machines we run on are both little-endian. */
export function rawBytes(values: NumberValues): Uint8Array {
  switch (values.kind) {
    case 'bool':
      return values.u8;
    case 'i32':
      return new Uint8Array(values.i32.buffer);
    case 'i64':
      return new Uint8Array(values.u32.buffer);
    case 'f32':
      return new Uint8Array(values.f32.buffer);
    case 'f64':
      return new Uint8Array(values.f64.buffer);
    default:
      return values.bytes;
  }
}

/** PLAIN: numbers one after the other, booleans a bit each. */
export function decodePlainNumbers(cursor: ByteCursor, leaf: ReadLeaf, count: number): NumberValues {
  cursor.need(leaf.type === PhysicalType.BOOLEAN ? Math.ceil(count / 8) : count * valueWidth(cursor, leaf));
  const values = allocateNumbers(cursor, leaf, count);
  copyPlainNumbers(cursor, values, 0, count);
  return values;
}

/** PLAIN into `values[at, at + count)`. */
export function copyPlainNumbers(cursor: ByteCursor, values: NumberValues, at: number, count: number): void {
  if (values.kind === 'bool') {
    const bits = cursor.take(Math.ceil(count / 8));
    const out = values.u8;
    for (let i = 0; i < count; i++) out[at + i] = (bits[i >>> 3] >>> (i & 7)) & 1;
    return;
  }
  const width = values.kind === 'fixed' ? values.width : values.kind === 'i32' || values.kind === 'f32' ? 4 : 8;
  rawBytes(values).set(cursor.take(count * width), at * width);
}

/** Dictionary values by id into `values[at, …)`. Ids have been checked against the dictionary. */
export function gatherNumbers(dictionary: NumberValues, ids: Uint32Array, values: NumberValues, at: number): void {
  const n = ids.length;
  if (values.kind === 'i64' && dictionary.kind === 'i64') {
    for (let i = 0; i < n; i++) {
      values.u32[2 * (at + i)] = dictionary.u32[2 * ids[i]];
      values.u32[2 * (at + i) + 1] = dictionary.u32[2 * ids[i] + 1];
    }
  } else if (values.kind === 'i32' && dictionary.kind === 'i32') for (let i = 0; i < n; i++) values.i32[at + i] = dictionary.i32[ids[i]];
  else if (values.kind === 'f64' && dictionary.kind === 'f64') for (let i = 0; i < n; i++) values.f64[at + i] = dictionary.f64[ids[i]];
  else if (values.kind === 'f32' && dictionary.kind === 'f32') for (let i = 0; i < n; i++) values.f32[at + i] = dictionary.f32[ids[i]];
  else if (values.kind === 'bool' && dictionary.kind === 'bool') for (let i = 0; i < n; i++) values.u8[at + i] = dictionary.u8[ids[i]];
  else if (values.kind === 'fixed' && dictionary.kind === 'fixed') {
    const w = values.width;
    for (let i = 0; i < n; i++) values.bytes.set(dictionary.bytes.subarray(ids[i] * w, (ids[i] + 1) * w), (at + i) * w);
  }
}
