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

  bounds(): Bounds | undefined {
    return undefined;
  }
}

/** DOUBLE column, PLAIN. No bounds: NaN has no place in an order. Borrows `values`. */
export class DoubleValues implements ColumnValues {
  readonly type = PhysicalType.DOUBLE;
  readonly encoding = Encoding.PLAIN;
  readonly #bytes: Uint8Array;

  constructor(values: Float64Array) {
    this.#bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  }

  encode(from: number, to: number, out: ByteBuffer): void {
    out.append(this.#bytes.subarray(from * 8, to * 8));
  }

  bounds(): Bounds | undefined {
    return undefined;
  }
}
