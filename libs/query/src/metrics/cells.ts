import type { MetricsOp } from '@vivace/traceql';

/** How the cells of a function add up. */
export type CellKind = 'count' | 'min' | 'max' | 'sum' | 'power';

export function cellKind(op: MetricsOp): CellKind {
  switch (op) {
    case 'rate':
    case 'count_over_time':
      return 'count';
    case 'min_over_time':
      return 'min';
    case 'max_over_time':
      return 'max';
    case 'sum_over_time':
    case 'avg_over_time':
      return 'sum';
    case 'quantile_over_time':
    case 'histogram_over_time':
      return 'power';
  }
}

/** What an untouched cell holds, for every array of the kind. `sum`: the sum, what rounding took from it, and how many numbers. */
export function cellFills(kind: CellKind): readonly number[] {
  switch (kind) {
    case 'count':
    case 'power':
      return [0];
    case 'min':
    case 'max':
      return [Number.NaN];
    case 'sum':
      return [0, 0, 0];
  }
}

/** The array in which an untouched cell can be told from a touched one. */
export function presenceOf(kind: CellKind): number {
  return kind === 'sum' ? 2 : 0;
}

/** Rows of cells, as many as asked for. */
export class CellRows {
  readonly width: number;
  readonly #fills: readonly number[];
  #capacity = 0;
  arrays: readonly Float64Array[];

  constructor(width: number, fills: readonly number[]) {
    this.width = width;
    this.#fills = fills;
    this.arrays = fills.map(() => new Float64Array(0));
  }

  ensure(rows: number): void {
    if (rows <= this.#capacity) return;
    const capacity = Math.max(rows, this.#capacity * 2, 4);
    this.arrays = this.arrays.map((old, a) => {
      const grown = new Float64Array(capacity * this.width);
      grown.set(old);
      if (this.#fills[a] !== 0) grown.fill(this.#fills[a], old.length);
      return grown;
    });
    this.#capacity = capacity;
  }
}

/** Adds `value` to the compensated sum (Neumaier) in a cell. */
export function addTo(sum: Float64Array, rest: Float64Array, cell: number, value: number): void {
  const before = sum[cell];
  const after = before + value;
  rest[cell] += Math.abs(before) >= Math.abs(value) ? before - after + value : value - after + before;
  sum[cell] = after;
}
