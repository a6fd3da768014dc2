import { addTo, CellRows, cellFills } from './cells.ts';
import type { CellKind } from './cells.ts';
import { FULL, PairTable } from './pair-table.ts';
import { bucketOf } from './power-buckets.ts';
import type { Selection } from './select-spans.ts';

/** Adds up the spans of any number of batches by group and bucket. */
export class Accumulator {
  readonly #kind: CellKind;
  readonly #cells: CellRows;
  /** Group and power-of-two bucket of each series, for histograms and quantiles; else the series is the group. */
  readonly #series: PairTable;
  readonly #skipsZero: boolean;
  #groups = 0;
  isFull = false;

  /** `skipsZero`: a zero has no power-of-two bucket. */
  constructor(kind: CellKind, buckets: number, maxSeries: number, skipsZero: boolean) {
    this.#kind = kind;
    this.#cells = new CellRows(buckets, cellFills(kind));
    this.#series = new PairTable(maxSeries);
    this.#skipsZero = skipsZero;
  }

  /** Without `numbers` for counting; without `groups` there is one. `groups` are below `groupCount`. */
  add(selection: Selection, groups: Uint32Array | undefined, groupCount: number, numbers: Float64Array | undefined): void {
    if (selection.count === 0) return;
    this.#groups = Math.max(this.#groups, groupCount);
    if (this.#kind !== 'power') this.#cells.ensure(groupCount);
    if (!numbers) return this.#count(selection, groups);
    switch (this.#kind) {
      case 'min':
        return this.#min(selection, groups, numbers);
      case 'max':
        return this.#max(selection, groups, numbers);
      case 'sum':
        return this.#sum(selection, groups, numbers);
      default:
        return this.#powers(selection, groups, numbers);
    }
  }

  /** Rows of cells, and what each stands for. */
  result(): { readonly group: (row: number) => number; readonly key: (row: number) => number; readonly rows: number; readonly cells: readonly Float64Array[] } {
    const series = this.#series;
    const isPower = this.#kind === 'power';
    return {
      group: (row) => (isPower ? series.left(row) : row),
      key: (row) => (isPower ? series.right(row) : 0),
      rows: isPower ? series.size : this.#groups,
      cells: this.#cells.arrays,
    };
  }

  #count({ buckets, count }: Selection, groups: Uint32Array | undefined): void {
    const [cells] = this.#cells.arrays;
    const { width } = this.#cells;
    if (!groups) for (let i = 0; i < count; i++) cells[buckets[i]]++;
    else for (let i = 0; i < count; i++) cells[groups[i] * width + buckets[i]]++;
  }

  #min({ buckets, count }: Selection, groups: Uint32Array | undefined, numbers: Float64Array): void {
    const [cells] = this.#cells.arrays;
    const { width } = this.#cells;
    for (let i = 0; i < count; i++) {
      const value = numbers[i];
      const cell = groups ? groups[i] * width + buckets[i] : buckets[i];
      // An untouched cell is NaN, below nothing.
      if (value === value && !(cells[cell] <= value)) cells[cell] = value;
    }
  }

  #max({ buckets, count }: Selection, groups: Uint32Array | undefined, numbers: Float64Array): void {
    const [cells] = this.#cells.arrays;
    const { width } = this.#cells;
    for (let i = 0; i < count; i++) {
      const value = numbers[i];
      const cell = groups ? groups[i] * width + buckets[i] : buckets[i];
      if (value === value && !(cells[cell] >= value)) cells[cell] = value;
    }
  }

  #sum({ buckets, count }: Selection, groups: Uint32Array | undefined, numbers: Float64Array): void {
    const [sum, rest, seen] = this.#cells.arrays;
    const { width } = this.#cells;
    for (let i = 0; i < count; i++) {
      const value = numbers[i];
      if (value !== value) continue;
      const cell = groups ? groups[i] * width + buckets[i] : buckets[i];
      addTo(sum, rest, cell, value);
      seen[cell]++;
    }
  }

  #powers({ buckets, count }: Selection, groups: Uint32Array | undefined, numbers: Float64Array): void {
    const series = this.#series;
    const { width } = this.#cells;
    let [cells] = this.#cells.arrays;
    for (let i = 0; i < count; i++) {
      const value = numbers[i];
      if (value !== value || (value === 0 && this.#skipsZero)) continue;
      const known = series.size;
      const row = series.add(groups ? groups[i] : 0, bucketOf(value));
      if (row === FULL) {
        this.isFull = true;
        continue;
      }
      if (row === known) {
        this.#cells.ensure(row + 1);
        [cells] = this.#cells.arrays;
      }
      cells[row * width + buckets[i]]++;
    }
  }
}
