import { Encoding, PhysicalType } from '../format.ts';
import type { ByteBuffer } from './byte-buffer.ts';
import type { Bounds, ColumnValues } from './column-values.ts';
import { encodeDelta32, encodeDelta64 } from './delta-binary.ts';

/** INT32 column, delta coded. Order is signed. Borrows `values`. */
export class Int32Values implements ColumnValues {
  readonly type = PhysicalType.INT32;
  readonly encoding = Encoding.DELTA_BINARY_PACKED;
  readonly #values: Int32Array;

  constructor(values: Int32Array) {
    this.#values = values;
  }

  encode(from: number, to: number, out: ByteBuffer): void {
    encodeDelta32(this.#values, from, to, out);
  }

  bounds(from: number, to: number): Bounds | undefined {
    if (from === to) return undefined;
    const values = this.#values;
    let min = values[from];
    let max = min;
    for (let i = from + 1; i < to; i++) {
      const v = values[i];
      if (v < min) min = v;
      if (v > max) max = v;
    }
    return { min: new Uint8Array(Int32Array.of(min).buffer), max: new Uint8Array(Int32Array.of(max).buffer) };
  }
}

/** INT64 column as halves (low word at `2 * i`), delta coded. `unsigned` decides the order of the bounds. Borrows `halves`. */
export class Int64Values implements ColumnValues {
  readonly type = PhysicalType.INT64;
  readonly encoding = Encoding.DELTA_BINARY_PACKED;
  readonly #halves: Uint32Array;
  readonly #unsigned: boolean;

  constructor(halves: Uint32Array, unsigned: boolean) {
    this.#halves = halves;
    this.#unsigned = unsigned;
  }

  encode(from: number, to: number, out: ByteBuffer): void {
    encodeDelta64(this.#halves, from, to, out);
  }

  bounds(from: number, to: number): Bounds | undefined {
    return bounds64(this.#halves, from, to, this.#unsigned);
  }
}

export function bounds64(halves: Uint32Array, from: number, to: number, unsigned: boolean): Bounds | undefined {
  if (from === to) return undefined;
  // Flipping the sign bit turns signed order into unsigned order of the high word.
  const flip = unsigned ? 0 : 0x80000000;
  let min = from;
  let max = from;
  let minHigh = (halves[2 * from + 1] ^ flip) >>> 0;
  let maxHigh = minHigh;
  for (let i = from + 1; i < to; i++) {
    const high = (halves[2 * i + 1] ^ flip) >>> 0;
    if (high < minHigh || (high === minHigh && halves[2 * i] < halves[2 * min])) {
      min = i;
      minHigh = high;
    }
    if (high > maxHigh || (high === maxHigh && halves[2 * i] > halves[2 * max])) {
      max = i;
      maxHigh = high;
    }
  }
  return { min: bytesOf(halves, min), max: bytesOf(halves, max) };
}

function bytesOf(halves: Uint32Array, i: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(halves[2 * i], halves[2 * i + 1]).buffer);
}
