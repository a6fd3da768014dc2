/**
 * Keeps the `limit` newest of the trace rows offered: latest start first, ties by smaller trace id. A binary heap with the worst
 * kept row on top. Memory grows with the rows kept, not with `limit`.
 */
export class NewestRows {
  readonly #limit: number;
  readonly #start: Uint32Array;
  readonly #ids: Uint8Array;
  readonly #heap: number[] = [];

  /** `start` holds u64 halves, `ids` 16 bytes a trace. Borrows both. */
  constructor(limit: number, start: Uint32Array, ids: Uint8Array) {
    this.#limit = limit;
    this.#start = start;
    this.#ids = ids;
  }

  /** Whether `limit` rows are kept. */
  get isFull(): boolean {
    return this.#heap.length >= this.#limit;
  }

  /** Orders rows newest first. */
  readonly compare = (a: number, b: number): number => (this.#isWorse(a, b) ? 1 : -1);

  /** Whether `offer` would keep the row. */
  wants(row: number): boolean {
    return this.#heap.length < this.#limit || this.#isWorse(this.#heap[0], row);
  }

  offer(row: number): void {
    const heap = this.#heap;
    if (heap.length < this.#limit) {
      let at = heap.length;
      heap.push(row);
      while (at > 0) {
        const parent = (at - 1) >>> 1;
        if (!this.#isWorse(row, heap[parent])) break;
        heap[at] = heap[parent];
        at = parent;
      }
      heap[at] = row;
      return;
    }
    if (heap.length > 0 && this.#isWorse(heap[0], row)) this.#replaceTop(row);
  }

  /** The rows kept, in row order. */
  rows(): readonly number[] {
    return [...this.#heap].sort((a, b) => a - b);
  }

  #replaceTop(row: number): void {
    const heap = this.#heap;
    const n = heap.length;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= n) break;
      if (child + 1 < n && this.#isWorse(heap[child + 1], heap[child])) child++;
      if (!this.#isWorse(heap[child], row)) break;
      heap[at] = heap[child];
      at = child;
    }
    heap[at] = row;
  }

  #isWorse(a: number, b: number): boolean {
    const start = this.#start;
    if (start[2 * a + 1] !== start[2 * b + 1]) return start[2 * a + 1] < start[2 * b + 1];
    if (start[2 * a] !== start[2 * b]) return start[2 * a] < start[2 * b];
    const ids = this.#ids;
    for (let i = 0; i < 16; i++) if (ids[16 * a + i] !== ids[16 * b + i]) return ids[16 * a + i] > ids[16 * b + i];
    return false;
  }
}
