import { decodeUtf8, encodeUtf8, equalBytes, hashBytes, randomSeed } from '@vivace/bytes';
import { sharedBytes, sharedU32 } from './shared-arrays.ts';

/** Strings by number. Implemented by the dictionary of a span table and by the dictionary of a Parquet column chunk. */
export interface StringDict {
  readonly size: number;
  /** Text of an id. The caller may keep it. */
  get(id: number): string;
  /** The id of `text`, or -1 when no value has it. Ids are unique: equal text means equal id. */
  find(text: string): number;
  /** Byte length of the UTF-8 form. */
  byteLength(id: number): number;
  /** Copies the UTF-8 bytes of `id` into `out` at `at`; returns the number of bytes. */
  copyTo(id: number, out: Uint8Array, at: number): number;
}

/** What another thread needs to read a dictionary: shared arrays and the counts at the moment of the snapshot. */
export interface StringDictionaryHandle {
  readonly size: number;
  readonly dataLength: number;
  readonly data: Uint8Array;
  readonly ends: Uint32Array;
  /** Absent (a dictionary read from disk): the index is built on the first look-up. */
  readonly index?: { readonly slots: Uint32Array; readonly seed: number };
}

const SEED = randomSeed();
const NO_SLOTS = new Uint32Array(0);

/**
 * Append-only interning table: UTF-8 bytes ↔ dense ids. Id 0 is always the empty string.
 * One thread appends; other threads read through a handle and see the entries that existed when it was taken.
 */
export class StringDictionary implements StringDict {
  /** UTF-8 of all strings, back to back; only `[0, dataLength)` is meaningful. */
  data: Uint8Array;
  dataLength: number;
  /** `ends[id]` is the end of string `id` in `data`; it starts where `id - 1` ends. */
  ends: Uint32Array;
  size: number;
  /**
   * Open addressing; a slot is two words, the hash and id + 1 (zero when free), so that a string met before costs one cache line here.
   * A power of two of them; none until the first look-up in a dictionary without index.
   */
  #slots: Uint32Array;
  readonly #seed: number;
  #texts: (string | undefined)[] = [];

  constructor(handle?: StringDictionaryHandle, capacity = { strings: 1024, bytes: 16_384 }) {
    if (handle) {
      this.data = handle.data;
      this.dataLength = handle.dataLength;
      this.ends = handle.ends;
      this.size = handle.size;
      this.#slots = handle.index?.slots ?? NO_SLOTS;
      this.#seed = handle.index?.seed ?? SEED;
      return;
    }
    this.#seed = SEED;
    this.data = sharedBytes(capacity.bytes);
    this.dataLength = 0;
    this.ends = sharedU32(capacity.strings);
    let slots = 2048;
    while (slots < capacity.strings * 2) slots *= 2;
    this.#slots = sharedU32(slots * 2);
    this.size = 0;
    this.intern(new Uint8Array(0), 0, 0);
  }

  /** Forgets all strings but keeps the memory. Handles taken before are void. */
  clear(): void {
    this.#slots.fill(0);
    this.#texts = [];
    this.size = 0;
    this.dataLength = 0;
    this.intern(new Uint8Array(0), 0, 0);
  }

  handle(): StringDictionaryHandle {
    if (this.#slots.length === 0) this.#index();
    return { size: this.size, dataLength: this.dataLength, data: this.data, ends: this.ends, index: { slots: this.#slots, seed: this.#seed } };
  }

  /** The id of `bytes[from, to)`, added when new. Copies the bytes. */
  intern(bytes: Uint8Array, from: number, to: number): number {
    if (this.#slots.length === 0) this.#index();
    const hash = hashBytes(bytes, from, to, this.#seed);
    const n = to - from;
    const slots = this.#slots;
    const mask = slots.length - 2;
    let slot = (hash << 1) & mask;
    for (;;) {
      const entry = slots[slot + 1];
      if (entry === 0) break;
      if (slots[slot] === hash) {
        const start = entry === 1 ? 0 : this.ends[entry - 2];
        if (this.ends[entry - 1] - start === n && equalBytes(this.data, start, bytes, from, n)) return entry - 1;
      }
      slot = (slot + 2) & mask;
    }
    return this.#add(bytes, from, n, hash, slot);
  }

  internText(text: string): number {
    if (text === '') return 0;
    const bytes = encodeUtf8(text);
    return this.intern(bytes, 0, bytes.length);
  }

  find(text: string): number {
    if (this.#slots.length === 0) this.#index();
    const bytes = encodeUtf8(text);
    const hash = hashBytes(bytes, 0, bytes.length, this.#seed);
    const mask = this.#slots.length - 2;
    for (let slot = (hash << 1) & mask; ; slot = (slot + 2) & mask) {
      const entry = this.#slots[slot + 1];
      if (entry === 0) return -1;
      const id = entry - 1;
      // A reader's snapshot may share slots with a writer that has moved on: ids past `size` are not ours.
      if (id < this.size && this.#slots[slot] === hash) {
        const start = id === 0 ? 0 : this.ends[id - 1];
        if (this.ends[id] - start === bytes.length && equalBytes(this.data, start, bytes, 0, bytes.length)) return id;
      }
    }
  }

  get(id: number): string {
    let text = this.#texts[id];
    if (text === undefined) {
      text = decodeUtf8(this.data, id === 0 ? 0 : this.ends[id - 1], this.ends[id]);
      this.#texts[id] = text;
    }
    return text;
  }

  byteLength(id: number): number {
    return this.ends[id] - (id === 0 ? 0 : this.ends[id - 1]);
  }

  copyTo(id: number, out: Uint8Array, at: number): number {
    const start = id === 0 ? 0 : this.ends[id - 1];
    const end = this.ends[id];
    // A plain loop beats subarray + set for the short strings that attributes are.
    if (end - start < 32) for (let i = start, j = at; i < end; i++, j++) out[j] = this.data[i];
    else out.set(this.data.subarray(start, end), at);
    return end - start;
  }

  #add(bytes: Uint8Array, from: number, n: number, hash: number, slot: number): number {
    const id = this.size;
    if (id === this.ends.length) this.ends = sharedU32(id * 2, this.ends);
    if (this.dataLength + n > this.data.length) this.data = sharedBytes(Math.max(this.data.length * 2, this.dataLength + n), this.data);
    if (n < 32) for (let i = 0; i < n; i++) this.data[this.dataLength + i] = bytes[from + i];
    else this.data.set(bytes.subarray(from, from + n), this.dataLength);
    this.dataLength += n;
    this.ends[id] = this.dataLength;
    this.#slots[slot] = hash;
    this.#slots[slot + 1] = id + 1;
    this.size = id + 1;
    if (this.size * 4 > this.#slots.length) this.#grow();
    return id;
  }

  #index(): void {
    let count = 16;
    while (count < this.size * 2) count *= 2;
    const slots = sharedU32(count * 2);
    for (let id = 0; id < this.size; id++) place(slots, hashBytes(this.data, id === 0 ? 0 : this.ends[id - 1], this.ends[id], this.#seed), id + 1);
    this.#slots = slots;
  }

  #grow(): void {
    const old = this.#slots;
    const slots = sharedU32(old.length * 4);
    for (let slot = 0; slot < old.length; slot += 2) if (old[slot + 1] !== 0) place(slots, old[slot], old[slot + 1]);
    this.#slots = slots;
  }
}

function place(slots: Uint32Array, hash: number, entry: number): void {
  const mask = slots.length - 2;
  let slot = (hash << 1) & mask;
  while (slots[slot + 1] !== 0) slot = (slot + 2) & mask;
  slots[slot] = hash;
  slots[slot + 1] = entry;
}
