/** No number could be given: the table is full. */
export const FULL = 0xffff_ffff;

/** Numbers pairs of u32 in order of appearance, at most `limit` of them. */
export class PairTable {
  size = 0;
  readonly #limit: number;
  /** A slot holds number + 1, zero when free. Length is a power of two. */
  #slots = new Uint32Array(256);
  #left = new Uint32Array(128);
  #right = new Uint32Array(128);

  constructor(limit: number) {
    this.#limit = limit;
  }

  left(id: number): number {
    return this.#left[id];
  }

  right(id: number): number {
    return this.#right[id];
  }

  /** The number of a pair, given when it is new; `FULL` when it is new and there is no room. */
  add(left: number, right: number): number {
    const mask = this.#slots.length - 1;
    let slot = hash(left, right) & mask;
    for (;;) {
      const entry = this.#slots[slot];
      if (entry === 0) break;
      if (this.#left[entry - 1] === left && this.#right[entry - 1] === right) return entry - 1;
      slot = (slot + 1) & mask;
    }
    if (this.size >= this.#limit) return FULL;
    const id = this.size++;
    if (id === this.#left.length) this.#grow();
    this.#left[id] = left;
    this.#right[id] = right;
    this.#slots[slot] = id + 1;
    if (this.size * 2 > this.#slots.length) this.#rehash();
    return id;
  }

  #grow(): void {
    const left = new Uint32Array(this.#left.length * 2);
    left.set(this.#left);
    this.#left = left;
    const right = new Uint32Array(left.length);
    right.set(this.#right);
    this.#right = right;
  }

  #rehash(): void {
    const slots = new Uint32Array(this.#slots.length * 4);
    const mask = slots.length - 1;
    for (let id = 0; id < this.size; id++) {
      let slot = hash(this.#left[id], this.#right[id]) & mask;
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
      slots[slot] = id + 1;
    }
    this.#slots = slots;
  }
}

function hash(left: number, right: number): number {
  const h = Math.imul(left, 0x9e37_79b1) ^ Math.imul(right, 0x85eb_ca6b);
  return h ^ (h >>> 15);
}
