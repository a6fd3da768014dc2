import type { Clock, Timers } from '@vivace/base';

/** Time that passes when it is told to: what runs at the same moment runs in the order it was asked for. */
export class FakeTime implements Clock, Timers {
  #nowMs: number;
  #asked = 0;
  readonly #waiting: { atMs: number; order: number; run: () => void }[] = [];

  constructor(nowMs = 1_700_000_000_000) {
    this.#nowMs = nowMs;
  }

  now(): number {
    return this.#nowMs;
  }

  after(delayMs: number, run: () => void): () => void {
    const entry = { atMs: this.#nowMs + Math.max(0, delayMs), order: this.#asked++, run };
    this.#push(entry);
    return () => {
      entry.run = () => undefined;
    };
  }

  /** Runs what is due within `ms`, and what that asks for. Between moments, lets promises settle. */
  async advance(ms: number): Promise<void> {
    const endMs = this.#nowMs + ms;
    while (this.#waiting.length > 0 && this.#waiting[0].atMs <= endMs) {
      const { atMs, run } = this.#pop();
      if (atMs > this.#nowMs) {
        await settle();
        // What settled may have asked for an earlier moment than this one; it comes first.
        if (this.#waiting.length > 0 && this.#waiting[0].atMs < atMs) {
          this.#push({ atMs, order: this.#asked++, run });
          continue;
        }
        this.#nowMs = atMs;
      }
      run();
    }
    await settle();
    this.#nowMs = endMs;
  }

  #push(entry: { atMs: number; order: number; run: () => void }): void {
    const heap = this.#waiting;
    let at = heap.push(entry) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(entry, heap[parent])) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = entry;
  }

  #pop(): { atMs: number; order: number; run: () => void } {
    const heap = this.#waiting;
    const top = heap[0];
    const last = heap.pop()!;
    if (heap.length === 0) return top;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1], heap[child])) child++;
      if (!isBefore(heap[child], last)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
    return top;
  }
}

function isBefore(a: { atMs: number; order: number }, b: { atMs: number; order: number }): boolean {
  return a.atMs - b.atMs < 0 || (a.atMs === b.atMs && a.order < b.order);
}

/** Long enough for a chain of promises that wait for nothing but each other. */
async function settle(): Promise<void> {
  for (let i = 0; i < 10; i++) await Promise.resolve();
}
