import { Encoding, PhysicalType } from '../format.ts';
import type { ByteBuffer } from './byte-buffer.ts';
import type { Bounds, ColumnValues } from './column-values.ts';

/**
 * BOOLEAN column: PLAIN, one bit a value, LSB first. Never RLE: parquet-go decodes RLE runs of booleans wrongly.
 * Borrows `values` (0 or 1).
 */
export class BooleanValues implements ColumnValues {
  readonly type = PhysicalType.BOOLEAN;
  readonly encoding = Encoding.PLAIN;
  readonly #values: Uint8Array;

  constructor(values: Uint8Array) {
    this.#values = values;
  }

  encode(from: number, to: number, out: ByteBuffer): void {
    const size = (to - from + 7) >>> 3;
    out.ensure(size);
    const { bytes, length } = out;
    bytes.fill(0, length, length + size);
    for (let i = from; i < to; i++) bytes[length + ((i - from) >>> 3)] |= this.#values[i] << ((i - from) & 7);
    out.length = length + size;
  }

  bounds(from: number, to: number): Bounds | undefined {
    if (from === to) return undefined;
    const range = this.#values.subarray(from, to);
    return { min: Uint8Array.of(range.includes(0) ? 0 : 1), max: Uint8Array.of(range.includes(1) ? 1 : 0) };
  }
}

/** DOUBLE column, PLAIN. Borrows `values`. */
export class DoubleValues implements ColumnValues {
  readonly type = PhysicalType.DOUBLE;
  readonly encoding = Encoding.PLAIN;
  readonly #values: Float64Array;
  readonly #hasNan: boolean;
  readonly #bytes: Uint8Array;

  constructor(values: Float64Array) {
    this.#values = values;
    this.#hasNan = values.includes(Number.NaN);
    this.#bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  }

  encode(from: number, to: number, out: ByteBuffer): void {
    out.append(this.#bytes.subarray(from * 8, to * 8));
  }

  /** None at all when there is a NaN anywhere: it has no place in an order. Zero as a bound has the sign that covers both (parquet.thrift, ColumnOrder). */
  bounds(from: number, to: number): Bounds | undefined {
    if (this.#hasNan || from === to) return undefined;
    const values = this.#values;
    let min = values[from];
    let max = min;
    for (let i = from + 1; i < to; i++) {
      const value = values[i];
      if (value < min) min = value;
      if (value > max) max = value;
    }
    const bytes = new Uint8Array(Float64Array.of(min === 0 ? -0 : min, max === 0 ? 0 : max).buffer);
    return { min: bytes.slice(0, 8), max: bytes.slice(8) };
  }
}
