import type { SpanColumns } from '@vivace/trace';
import type { Level } from './field.ts';
import { MaskPool } from './mask.ts';

/** One batch while a query looks at it: its columns, mask memory, and what is derived from columns once. */
export class Batch {
  readonly columns: SpanColumns;
  readonly masks: MaskPool;
  #childCounts: Int32Array | undefined;
  #spanTrace: Uint32Array | undefined;

  constructor(columns: SpanColumns, masks = new MaskPool()) {
    this.columns = columns;
    this.masks = masks;
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

  /** Direct children per span, by parent id within the trace, connected to a root or not. */
  childCounts(): Int32Array {
    this.#childCounts ??= countChildren(this.columns);
    return this.#childCounts;
  }
}

function countChildren(columns: SpanColumns): Int32Array {
  const traceSpans = columns.traceSpans();
  const ids = words(columns.spanIds());
  const parents = words(columns.parentIds());
  const out = new Int32Array(columns.spanCount);
  const slots: number[] = [];
  for (let t = 0; t < columns.traceCount; t++) {
    const from = traceSpans[t];
    const to = traceSpans[t + 1];
    let size = 8;
    while (size < (to - from) * 2) size *= 2;
    for (let i = 0; i < size; i++) slots[i] = -1;
    // Count children under their parent's id, then let every span with that id read the count.
    const counts = new Map<number, number>();
    const find = (low: number, high: number): number => {
      let slot = (Math.imul(low ^ Math.imul(high, 0x9e3779b1), 0x85ebca6b) >>> 8) & (size - 1);
      while (slots[slot] >= 0 && (ids[2 * slots[slot]] !== low || ids[2 * slots[slot] + 1] !== high)) slot = (slot + 1) & (size - 1);
      return slot;
    };
    for (let row = from; row < to; row++) {
      const slot = find(ids[2 * row], ids[2 * row + 1]);
      if (slots[slot] < 0) slots[slot] = row;
    }
    for (let row = from; row < to; row++) {
      const low = parents[2 * row];
      const high = parents[2 * row + 1];
      if (low === 0 && high === 0) continue;
      const parent = slots[find(low, high)];
      if (parent >= 0) counts.set(parent, (counts.get(parent) ?? 0) + 1);
    }
    for (let row = from; row < to; row++) out[row] = counts.get(slots[find(ids[2 * row], ids[2 * row + 1])]) ?? 0;
  }
  return out;
}

/** Ids of 8 bytes as pairs of 32-bit words; copied only when the view is not aligned. */
function words(bytes: Uint8Array): Uint32Array {
  const aligned = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
  return new Uint32Array(aligned.buffer, aligned.byteOffset, aligned.byteLength >>> 2);
}
