import { ID_BYTES } from './id-range.ts';

const ID_WORDS = ID_BYTES / 4;

/** Numbers trace ids from 0, in the order they come: a hash table of a fixed size, with a seed of its own, since senders choose the ids. */
export class TraceNumbers {
  /** Ids seen. */
  count = 0;
  readonly #words: Uint32Array;
  /** Number + 1; 0 is free. */
  readonly #slots: Int32Array;
  readonly #seed = Math.floor(Math.random() * 0x1_0000_0000);

  /** For at most `max` different ids. */
  constructor(max: number) {
    this.#words = new Uint32Array(max * ID_WORDS);
    let size = 16;
    while (size < max * 2) size *= 2;
    this.#slots = new Int32Array(size);
  }

  /** The numbers of the ids `[from, to)`; new ones get the next. */
  add(ids: Uint8Array, from = 0, to = ids.length / ID_BYTES): Uint32Array {
    const own = wordsOf(ids);
    const out = new Uint32Array(to - from);
    for (let row = from; row < to; row++) {
      const at = row * ID_WORDS;
      const slot = this.#slotOf(own, at);
      let number = this.#slots[slot] - 1;
      if (number < 0) {
        number = this.count++;
        this.#slots[slot] = number + 1;
        for (let i = 0; i < ID_WORDS; i++) this.#words[number * ID_WORDS + i] = own[at + i];
      }
      out[row - from] = number;
    }
    return out;
  }

  /** The numbers of the ids `[from, to)`, -1 for those never added. */
  find(ids: Uint8Array, from = 0, to = ids.length / ID_BYTES): Int32Array {
    const own = wordsOf(ids);
    const out = new Int32Array(to - from);
    for (let row = from; row < to; row++) out[row - from] = this.#slots[this.#slotOf(own, row * ID_WORDS)] - 1;
    return out;
  }

  /** Where the id stands, or would. */
  #slotOf(own: Uint32Array, at: number): number {
    const words = this.#words;
    const slots = this.#slots;
    const mask = slots.length - 1;
    let hash = this.#seed;
    for (let i = 0; i < ID_WORDS; i++) {
      hash = Math.imul(hash ^ own[at + i], 0x85ebca6b);
      hash ^= hash >>> 15;
    }
    for (let slot = (Math.imul(hash, 0x9e3779b1) >>> 8) & mask; ; slot = (slot + 1) & mask) {
      const number = slots[slot] - 1;
      if (number < 0) return slot;
      const known = number * ID_WORDS;
      if (words[known] === own[at] && words[known + 1] === own[at + 1] && words[known + 2] === own[at + 2] && words[known + 3] === own[at + 3]) return slot;
    }
  }
}

/** Copied only when the view is not aligned. */
function wordsOf(ids: Uint8Array): Uint32Array {
  const aligned = ids.byteOffset % 4 === 0 ? ids : ids.slice();
  return new Uint32Array(aligned.buffer, aligned.byteOffset, aligned.length >>> 2);
}
