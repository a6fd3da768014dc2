import { Encoding, PhysicalType } from '../format.ts';
import type { ByteBuffer } from './byte-buffer.ts';
import type { Bounds, ColumnValues } from './column-values.ts';
import { encodeDelta32 } from './delta-binary.ts';

/** BYTE_ARRAY column, DELTA_LENGTH_BYTE_ARRAY: value `i` is `data[ends[i - 1], ends[i])`. Borrows both arrays. */
export class BytesValues implements ColumnValues {
  readonly type = PhysicalType.BYTE_ARRAY;
  readonly encoding = Encoding.DELTA_LENGTH_BYTE_ARRAY;
  readonly #data: Uint8Array;
  readonly #ends: Uint32Array;

  constructor(data: Uint8Array, ends: Uint32Array) {
    this.#data = data;
    this.#ends = ends;
  }

  encode(from: number, to: number, out: ByteBuffer): void {
    const ends = this.#ends;
    const lengths = new Int32Array(to - from);
    const first = this.#start(from);
    let start = first;
    for (let i = from; i < to; i++) {
      lengths[i - from] = ends[i] - start;
      start = ends[i];
    }
    encodeDelta32(lengths, 0, lengths.length, out);
    out.append(this.#data.subarray(first, start));
  }

  bounds(from: number, to: number): Bounds | undefined {
    if (from === to) return undefined;
    let min = from;
    let max = from;
    for (let i = from + 1; i < to; i++) {
      if (this.#less(i, min)) min = i;
      else if (this.#less(max, i)) max = i;
    }
    return { min: this.#copy(min), max: this.#copy(max) };
  }

  #start(i: number): number {
    return i === 0 ? 0 : this.#ends[i - 1];
  }

  #less(a: number, b: number): boolean {
    const data = this.#data;
    const endA = this.#ends[a];
    const endB = this.#ends[b];
    let i = this.#start(a);
    let j = this.#start(b);
    for (; i < endA && j < endB; i++, j++) if (data[i] !== data[j]) return data[i] < data[j];
    return i === endA && j < endB;
  }

  #copy(i: number): Uint8Array {
    return this.#data.slice(this.#start(i), this.#ends[i]);
  }
}
