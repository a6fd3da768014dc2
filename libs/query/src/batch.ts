import type { SpanColumns } from '@vivace/trace';
import type { Level } from './field.ts';
import { MaskPool } from './mask.ts';

/** Rows of slow work (expressions) done between two checkpoints; a power of two. */
export const ROWS_UNASKED = 1024;

/** One batch while a query looks at it: its columns, mask memory, and what is derived from columns once. */
export class Batch {
  readonly columns: SpanColumns;
  readonly masks: MaskPool;
  #childCounts: Int32Array | undefined;
  #parentRows: Int32Array | undefined;
  #spanTrace: Uint32Array | undefined;
  readonly #signal: AbortSignal | undefined;

  constructor(columns: SpanColumns, masks = new MaskPool(), signal?: AbortSignal) {
    this.columns = columns;
    this.masks = masks;
    this.#signal = signal;
  }

  /** Throws once nobody waits for the answer. Asked every few milliseconds of work: loops over rows do it every `ROWS_UNASKED`. */
  checkpoint(): void {
    this.#signal?.throwIfAborted();
  }

  rows(level: Level): number {
    switch (level) {
      case 'trace':
        return this.columns.traceCount;
      case 'resource':
        return this.columns.resourceCount();
      case 'scope':
        return this.columns.scopeCount();
      case 'span':
        return this.columns.spanCount;
      case 'event':
        return this.columns.eventCount();
      case 'link':
        return this.columns.linkCount();
    }
  }

  /** The trace row of every span. */
  spanTrace(): Uint32Array {
    if (!this.#spanTrace) {
      const bounds = this.columns.traceSpans();
      this.#spanTrace = new Uint32Array(this.columns.spanCount);
      for (let t = 0; t < this.columns.traceCount; t++) this.#spanTrace.fill(t, bounds[t], bounds[t + 1]);
    }
    return this.#spanTrace;
  }

  /** The row of every span's parent in its trace, -1 when it is not there. */
  parentRows(): Int32Array {
    this.#parentRows ??= findParents(this.columns);
    return this.#parentRows;
  }

  /** Direct children per span, connected to a root or not. */
  childCounts(): Int32Array {
    if (!this.#childCounts) {
      const counts = new Int32Array(this.columns.spanCount);
      for (const parent of this.parentRows()) if (parent >= 0) counts[parent]++;
      this.#childCounts = counts;
    }
    return this.#childCounts;
  }
}

/**
 * Of two spans with one id a server span is child of the client, any other span of the server, as in nested sets.
 * One hash table, grown to the largest trace and reused.
 */
function findParents(columns: SpanColumns): Int32Array {
  const traceSpans = columns.traceSpans();
  const ids = words(columns.spanIds());
  const parents = words(columns.parentIds());
  const kinds = columns.kind();
  const out = new Int32Array(columns.spanCount).fill(-1);
  const twin = new Int32Array(columns.spanCount).fill(-1);
  const isTriple = new Uint8Array(columns.spanCount);
  let slots = new Int32Array(64);
  for (let t = 0; t < columns.traceCount; t++) {
    const from = traceSpans[t];
    const to = traceSpans[t + 1];
    let size = 8;
    while (size < (to - from) * 2) size *= 2;
    if (size > slots.length) slots = new Int32Array(size);
    slots.fill(-1, 0, size);
    for (let row = from; row < to; row++) {
      const slot = findSlot(ids, slots, size - 1, ids[2 * row], ids[2 * row + 1]);
      const first = slots[slot];
      if (first < 0) slots[slot] = row;
      else if (twin[first] < 0) twin[first] = row;
      else isTriple[first] = 1;
    }
    for (let row = from; row < to; row++) {
      if (parents[2 * row] === 0 && parents[2 * row + 1] === 0) continue;
      const first = slots[findSlot(ids, slots, size - 1, parents[2 * row], parents[2 * row + 1])];
      if (first < 0) continue;
      const wanted = kinds[row] === SERVER ? CLIENT : SERVER;
      if (twin[first] < 0 || isTriple[first] === 1 || kinds[first] === wanted) out[row] = first;
      else if (kinds[twin[first]] === wanted) out[row] = twin[first];
    }
  }
  return out;
}

const SERVER = 2;
const CLIENT = 3;

function findSlot(ids: Uint32Array, slots: Int32Array, mask: number, low: number, high: number): number {
  let slot = (Math.imul(low ^ Math.imul(high, 0x85ebca6b), 0x9e3779b1) >>> 7) & mask;
  while (slots[slot] >= 0 && (ids[2 * slots[slot]] !== low || ids[2 * slots[slot] + 1] !== high)) slot = (slot + 1) & mask;
  return slot;
}

/** Ids of 8 bytes as pairs of 32-bit words; copied only when the view is not aligned. */
function words(bytes: Uint8Array): Uint32Array {
  const aligned = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
  return new Uint32Array(aligned.buffer, aligned.byteOffset, aligned.byteLength >>> 2);
}
