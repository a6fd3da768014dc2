import { StringDictionary } from '@vivace/trace';
import { grown } from './grown.ts';

/** Numbers the strings of one column after the other densely, in order of first use; the strings themselves are shared by all columns until `clear`. */
export class ColumnDictionary {
  readonly strings = new StringDictionary();
  /** String id → number + 1 in the current column. */
  #numbers = new Uint32Array(4096);
  #entries = new Uint32Array(4096);
  #size = 0;

  /** String ids of the current column by number; valid until the next column is begun. */
  get entries(): Uint32Array {
    return this.#entries.subarray(0, this.#size);
  }

  /** Begins a column. */
  begin(): void {
    for (let i = 0; i < this.#size; i++) this.#numbers[this.#entries[i]] = 0;
    this.#size = 0;
  }

  /** The number of the string `bytes[from, to)`, which is copied. */
  number(bytes: Uint8Array, from: number, to: number): number {
    const id = this.strings.intern(bytes, from, to);
    if (id >= this.#numbers.length) this.#numbers = grown(this.#numbers, id + 1);
    const known = this.#numbers[id];
    if (known !== 0) return known - 1;
    if (this.#size === this.#entries.length) this.#entries = grown(this.#entries, this.#size + 1);
    this.#entries[this.#size++] = id;
    this.#numbers[id] = this.#size;
    return this.#size - 1;
  }

  /** Forgets all strings but keeps the memory. */
  clear(): void {
    this.begin();
    this.strings.clear();
  }
}
