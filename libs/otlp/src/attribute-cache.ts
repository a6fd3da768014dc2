import type { AttrList } from '@vivace/trace';
import { ATTR_ARRAY } from '@vivace/trace';

/** An entry is two cache lines: length and type, key, value (two words), the hash that asks for the place, then the bytes of the KeyValue. */
const ENTRY_WORDS = 32;
const HEAD_WORDS = 5;
const ENTRIES = 2048;
const MAX_BYTES = (ENTRY_WORDS - HEAD_WORDS) * 4;
/** Shorter ones have not the two words that the hash is made of. */
const MIN_BYTES = 8;

/**
 * What recent attributes were decoded to, by the raw bytes of the KeyValue: most attributes of spans are the same few hundred over and over
 * (method, status code, route), and comparing some 30 bytes is less than parsing two messages, hashing and looking up two strings.
 * Direct-mapped. An attribute gets its place when it is met twice with nothing else asking for that place in between, so that values which
 * never repeat displace nothing. Good for one table: values are ids of its dictionary.
 */
export class AttributeCache {
  readonly #words = new Uint32Array(ENTRIES * ENTRY_WORDS);
  /** The place for what the last `copy` did not find, -1 when it is not to be kept. */
  #at = -1;

  /** Appends what the KeyValue in `view[from, from + n)` was decoded to, when that is known. */
  copy(view: DataView, from: number, n: number, list: AttrList): boolean {
    this.#at = -1;
    if (n < MIN_BYTES || n > MAX_BYTES) return false;
    const words = this.#words;
    const end = from + n;
    // The last bytes and those in the middle: values differ at the end, keys before.
    const hash = Math.imul(view.getInt32(end - 4, true) ^ Math.imul(view.getInt32(from + (n >> 1) - 4, true) ^ n, 0x85ebca6b), 0x9e3779b1) >>> 0;
    const at = (hash >>> 21) * ENTRY_WORDS;
    if (words[at] >>> 8 !== n || !isEqual(words, at + HEAD_WORDS, view, from, end)) {
      if (words[at + 4] === hash) this.#at = at;
      else words[at + 4] = hash;
      return false;
    }
    const i = list.count;
    if (i === list.type.length) list.ensure(1);
    list.type[i] = words[at] & 0xff;
    list.key[i] = words[at + 1];
    list.u32[2 * i] = words[at + 2];
    list.u32[2 * i + 1] = words[at + 3];
    list.count = i + 1;
    return true;
  }

  /** Remembers the attribute appended last, which the last `copy` did not know, if it deserves it. */
  keep(view: DataView, from: number, n: number, list: AttrList): void {
    const at = this.#at;
    const i = list.count - 1;
    // Elements of arrays have a place of their own in the table.
    if (at < 0 || list.type[i] === ATTR_ARRAY) return;
    const words = this.#words;
    words[at] = (n << 8) | list.type[i];
    words[at + 1] = list.key[i];
    words[at + 2] = list.u32[2 * i];
    words[at + 3] = list.u32[2 * i + 1];
    const last = from + n - 4;
    let w = at + HEAD_WORDS;
    for (let p = from; p < last; p += 4, w++) words[w] = view.getUint32(p, true);
    words[w] = view.getUint32(last, true);
  }
}

/** Whether the words of an entry are the bytes `view[from, end)`: word for word, the last one (which may overlap) ending at `end`. */
function isEqual(words: Uint32Array, at: number, view: DataView, from: number, end: number): boolean {
  const last = end - 4;
  let w = at;
  for (let p = from; p < last; p += 4, w++) if (words[w] !== view.getUint32(p, true)) return false;
  return words[w] === view.getUint32(last, true);
}
