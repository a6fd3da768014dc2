import { decodeUtf8, encodeUtf8, equalBytes } from '@vivace/bytes';

/**
 * The dictionary of a column chunk: byte strings by id, in the file's order. Text is made when asked for.
 * It has the shape of a `StringDict` of the trace library. Owns its arrays.
 */
export class ByteDictionary {
  readonly size: number;
  /** All values, back to back. */
  readonly bytes: Uint8Array;
  /** `ends[id]` is the end of value `id` in `bytes`. */
  readonly ends: Uint32Array;
  #texts: (string | undefined)[] = [];

  constructor(bytes: Uint8Array, ends: Uint32Array) {
    this.size = ends.length;
    this.bytes = bytes;
    this.ends = ends;
  }

  /** Memory held, without texts. */
  get byteSize(): number {
    return this.bytes.length + this.ends.length * 4;
  }

  get(id: number): string {
    let text = this.#texts[id];
    if (text === undefined) {
      text = decodeUtf8(this.bytes, id === 0 ? 0 : this.ends[id - 1], this.ends[id]);
      this.#texts[id] = text;
    }
    return text;
  }

  /** The id of `text`, or -1. A scan over the lengths: a dictionary is asked once a query, an index would cost more to build. */
  find(text: string): number {
    const wanted = encodeUtf8(text);
    const n = wanted.length;
    const { bytes, ends } = this;
    let start = 0;
    for (let id = 0; id < ends.length; id++) {
      const end = ends[id];
      if (end - start === n && equalBytes(bytes, start, wanted, 0, n)) return id;
      start = end;
    }
    return -1;
  }

  byteLength(id: number): number {
    return this.ends[id] - (id === 0 ? 0 : this.ends[id - 1]);
  }

  copyTo(id: number, out: Uint8Array, at: number): number {
    const start = id === 0 ? 0 : this.ends[id - 1];
    out.set(this.bytes.subarray(start, this.ends[id]), at);
    return this.ends[id] - start;
  }
}
