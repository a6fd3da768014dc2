import type { PhysicalType } from '../format.ts';
import { Encoding } from '../format.ts';
import type { ByteBuffer } from './byte-buffer.ts';
import type { Bounds, ColumnValues, DictionaryPage } from './column-values.ts';
import { bitWidth, encodeIndices } from './hybrid.ts';
import { bounds64 } from './int-values.ts';

/** Byte strings by number. */
export interface BytesSource {
  byteLength(id: number): number;
  /** Copies the bytes of `id` into `out` at `at`; returns how many. */
  copyTo(id: number, out: Uint8Array, at: number): number;
}

/** Dictionary coded column: `indices` into a dictionary whose every entry is used. Borrows the indices. */
export class DictionaryValues implements ColumnValues {
  readonly type: PhysicalType;
  readonly encoding = Encoding.RLE_DICTIONARY;
  readonly dictionary: DictionaryPage;
  readonly #indices: Uint32Array;
  readonly #width: number;

  constructor(type: PhysicalType, indices: Uint32Array, dictionary: DictionaryPage) {
    this.type = type;
    this.#indices = indices;
    this.dictionary = dictionary;
    // Width 0 is legal for one entry but rare in the wild; one bit costs nothing in a run.
    this.#width = Math.max(1, bitWidth(dictionary.size - 1));
  }

  encode(from: number, to: number, out: ByteBuffer): void {
    out.u8(this.#width);
    encodeIndices(this.#indices, from, to, this.#width, out);
  }

  /** Pages have none: pruning by page would need the rank of every entry, and readers prune by the dictionary. */
  bounds(): Bounds | undefined {
    return undefined;
  }
}

/** BYTE_ARRAY dictionary: entry `i` is `source[entries[i]]`. */
export class BytesDictionary implements DictionaryPage {
  readonly size: number;
  readonly #entries: Uint32Array;
  readonly #source: BytesSource;
  #bounds: Bounds | undefined;

  constructor(entries: Uint32Array, source: BytesSource) {
    this.size = entries.length;
    this.#entries = entries;
    this.#source = source;
  }

  encode(out: ByteBuffer): void {
    const entries = this.#entries;
    const source = this.#source;
    let min = -1;
    let max = -1;
    const from = out.length;
    for (let i = 0; i < entries.length; i++) {
      const id = entries[i];
      const length = source.byteLength(id);
      out.ensure(4 + length);
      const { bytes } = out;
      const at = out.length;
      bytes[at] = length;
      bytes[at + 1] = length >>> 8;
      bytes[at + 2] = length >>> 16;
      bytes[at + 3] = length >>> 24;
      source.copyTo(id, bytes, at + 4);
      out.length = at + 4 + length;
      if (min < 0 || less(bytes, at, min)) min = at;
      if (max < 0 || less(bytes, max, at)) max = at;
    }
    if (out.length > from) this.#bounds = { min: entryAt(out.bytes, min), max: entryAt(out.bytes, max) };
  }

  /** Known once the page is encoded. */
  bounds(): Bounds | undefined {
    return this.#bounds;
  }
}

function lengthAt(bytes: Uint8Array, at: number): number {
  return bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24);
}

function entryAt(bytes: Uint8Array, at: number): Uint8Array {
  return bytes.slice(at + 4, at + 4 + lengthAt(bytes, at));
}

function less(bytes: Uint8Array, a: number, b: number): boolean {
  const lengthA = lengthAt(bytes, a);
  const lengthB = lengthAt(bytes, b);
  const n = Math.min(lengthA, lengthB);
  for (let i = 4; i < n + 4; i++) if (bytes[a + i] !== bytes[b + i]) return bytes[a + i] < bytes[b + i];
  return lengthA < lengthB;
}

/** INT32 dictionary, signed order. */
export class Int32Dictionary implements DictionaryPage {
  readonly size: number;
  readonly #entries: Int32Array;

  constructor(entries: Int32Array) {
    this.size = entries.length;
    this.#entries = entries;
  }

  encode(out: ByteBuffer): void {
    for (const entry of this.#entries) out.u32(entry);
  }

  bounds(): Bounds | undefined {
    if (this.size === 0) return undefined;
    const sorted = this.#entries.toSorted();
    return { min: new Uint8Array(sorted.slice(0, 1).buffer), max: new Uint8Array(sorted.slice(-1).buffer) };
  }
}

/** INT64 dictionary as halves. */
export class Int64Dictionary implements DictionaryPage {
  readonly size: number;
  readonly #halves: Uint32Array;
  readonly #unsigned: boolean;

  constructor(halves: Uint32Array, unsigned: boolean) {
    this.size = halves.length / 2;
    this.#halves = halves;
    this.#unsigned = unsigned;
  }

  encode(out: ByteBuffer): void {
    for (const half of this.#halves) out.u32(half);
  }

  bounds(): Bounds | undefined {
    return bounds64(this.#halves, 0, this.size, this.#unsigned);
  }
}

/** Numbers source ids densely in order of first use, so that a dictionary holds exactly the ids a column uses. Reusable. */
export class DictionaryBuilder {
  /** Source id → index + 1; zero again after each column. */
  #index = new Uint32Array(0);

  /**
   * Replaces the first `count` of `ids` by their indices; returns the ids used, in index order. All ids must be below `limit`.
   * An id column of one value costs one pass over `ids` and nothing per possible id.
   */
  densify(ids: Uint32Array, count: number, limit: number): Uint32Array {
    if (this.#index.length < limit) this.#index = new Uint32Array(limit);
    const index = this.#index;
    let entries = new Uint32Array(64);
    let size = 0;
    for (let i = 0; i < count; i++) {
      const id = ids[i];
      let entry = index[id];
      if (entry === 0) {
        if (size === entries.length) {
          const grown = new Uint32Array(size * 2);
          grown.set(entries);
          entries = grown;
        }
        entries[size++] = id;
        entry = size;
        index[id] = entry;
      }
      ids[i] = entry - 1;
    }
    for (let i = 0; i < size; i++) index[entries[i]] = 0;
    return entries.subarray(0, size);
  }
}
