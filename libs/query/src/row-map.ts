import type { Batch } from './batch.ts';
import type { Level } from './field.ts';

/** The rows `[from, to)` of another level that belong to a row, as set by the last call of `at`. */
export interface RowRange {
  from: number;
  to: number;
}

/** Leads from a row of the level an expression is evaluated at to the rows where a field's values lie. */
export interface RowMap extends RowRange {
  at(row: number): void;
}

/** The one event and the one link that stand for those of a span; -1: it has none. */
export interface Binding {
  event: number;
  link: number;
}

/** `level` is span, event or link (where expressions are evaluated), or equal to `target`. A binding replaces the events and links of a span. */
export function rowMap(level: Level, target: Level, batch: Batch, binding?: Binding): RowMap {
  const { columns } = batch;
  if (level === target) return single((row) => row);
  if (binding && (target === 'event' || target === 'link')) return bound(binding, target);
  if (level === 'event' || level === 'link') {
    const owner = level === 'event' ? columns.eventSpan() : columns.linkSpan();
    if (target === 'span') return single((row) => owner[row]);
    const inner = rowMap('span', target, batch);
    return {
      from: 0,
      to: 0,
      at(row) {
        inner.at(owner[row]);
        this.from = inner.from;
        this.to = inner.to;
      },
    };
  }
  switch (target) {
    case 'resource': {
      const owner = columns.spanResource();
      return single((row) => owner[row]);
    }
    case 'scope': {
      const owner = columns.spanScope();
      return single((row) => owner[row]);
    }
    case 'trace': {
      const owner = batch.spanTrace();
      return single((row) => owner[row]);
    }
    case 'event':
      return children(columns.eventSpan(), columns.eventCount());
    case 'link':
      return children(columns.linkSpan(), columns.linkCount());
    case 'span':
      return single((row) => row);
  }
}

function single(follow: (row: number) => number): RowMap {
  return {
    from: 0,
    to: 0,
    at(row) {
      this.from = follow(row);
      this.to = this.from + 1;
    },
  };
}

function bound(binding: Binding, level: 'event' | 'link'): RowMap {
  return {
    from: 0,
    to: 0,
    at() {
      const row = binding[level];
      this.from = Math.max(row, 0);
      this.to = row < 0 ? 0 : row + 1;
    },
  };
}

function children(owner: Uint32Array, count: number): RowMap {
  const cursor = new Cursor(owner, count);
  return {
    from: 0,
    to: 0,
    at(row) {
      this.from = cursor.seek(row);
      this.to = cursor.seek(row + 1);
    },
  };
}

/** Finds places in an ascending column; cheap when asked in ascending order, right in any order. */
export class Cursor {
  readonly #values: Uint32Array;
  readonly #count: number;
  #at = 0;

  constructor(values: Uint32Array, count: number) {
    this.#values = values;
    this.#count = count;
  }

  /** The first place whose value is at least `wanted`. */
  seek(wanted: number): number {
    const values = this.#values;
    const n = this.#count;
    let low = this.#at;
    if (low > 0 && values[low - 1] >= wanted) low = 0;
    let step = 1;
    let high = low;
    while (high < n && values[high] < wanted) {
      low = high + 1;
      high += step;
      step *= 2;
    }
    if (high > n) high = n;
    while (low < high) {
      const mid = (low + high) >>> 1;
      if (values[mid] < wanted) low = mid + 1;
      else high = mid;
    }
    this.#at = low;
    return low;
  }
}
