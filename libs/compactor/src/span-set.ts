import type { SpanIdentities } from '@vivace/block';

/** Spans of one trace at a time, told apart by id and kind. Keeps its memory from trace to trace. */
export class SpanSet {
  /** Open addressing; holds the position of a span, valid where the stamp is current. */
  #slots = new Uint32Array(512);
  #stamps = new Uint32Array(512);
  #stamp = 0;
  #spans: SpanIdentities = { ids: new Uint32Array(0), kinds: new Uint8Array(0) };

  /** Holds the spans `[from, to)` instead of those before; false when two of them are the same. Borrows `spans`. */
  set(spans: SpanIdentities, from: number, to: number): boolean {
    const n = to - from;
    if (n * 2 > this.#slots.length) {
      let size = this.#slots.length;
      while (size < n * 2) size *= 2;
      this.#slots = new Uint32Array(size);
      this.#stamps = new Uint32Array(size);
      this.#stamp = 0;
    }
    this.#spans = spans;
    this.#stamp++;
    for (let i = from; i < to; i++) {
      const slot = this.#slot(spans, i);
      if (this.#stamps[slot] === this.#stamp) return false;
      this.#stamps[slot] = this.#stamp;
      this.#slots[slot] = i;
    }
    return true;
  }

  /** Whether all of the spans `[from, to)` are held. */
  hasAll(spans: SpanIdentities, from: number, to: number): boolean {
    for (let i = from; i < to; i++) if (this.#stamps[this.#slot(spans, i)] !== this.#stamp) return false;
    return true;
  }

  /** Where a span is held, or could be. */
  #slot({ ids, kinds }: SpanIdentities, i: number): number {
    const held = this.#spans;
    const slots = this.#slots;
    const mask = slots.length - 1;
    const low = ids[i * 2];
    const high = ids[i * 2 + 1];
    const kind = kinds[i];
    let slot = (Math.imul(low ^ Math.imul(high, 0x85ebca6b), 0x9e3779b1) >>> 7) & mask;
    while (this.#stamps[slot] === this.#stamp) {
      const other = slots[slot];
      if (held.ids[other * 2] === low && held.ids[other * 2 + 1] === high && held.kinds[other] === kind) break;
      slot = (slot + 1) & mask;
    }
    return slot;
  }
}
