import { addTo, CellRows, cellFills } from './cells.ts';
import type { CellKind } from './cells.ts';
import { FULL, PairTable } from './pair-table.ts';
import { bucketOf, bucketOfWords, ONE } from './power-buckets.ts';
import type { Selection } from './select-spans.ts';

const USUAL = 128;
const USUAL_FROM = ONE - 32;

/** Adds up the spans of any number of batches by group and bucket. */
export class Accumulator {
  readonly #kind: CellKind;
  readonly #cells: CellRows;
  /** Group and power-of-two bucket of each series, for histograms and quantiles; else the series is the group. */
  readonly #series: PairTable;
  readonly #skipsZero: boolean;
  /** The series of a group's buckets from 2^-32 to 2^95, plus one, without a look into `#series`. */
  #usual = new Uint32Array(0);
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
    if (!groups) countRuns(buckets, count, cells);
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
    const { width } = this.#cells;
    const usual = this.#usualSeries(this.#groups);
    const words = new Uint32Array(numbers.buffer, numbers.byteOffset, numbers.length * 2);
    let [cells] = this.#cells.arrays;
    for (let i = 0; i < count; i++) {
      const high = words[2 * i + 1];
      let key: number;
      // Nearly all are positive and normal: their exponent can be read where they lie.
      if (high >= 0x0010_0000 && high < 0x7ff0_0000) key = bucketOfWords(high, words[2 * i]);
      else {
        const value = numbers[i];
        if (value !== value || (value === 0 && this.#skipsZero)) continue;
        key = bucketOf(value);
      }
      const group = groups ? groups[i] : 0;
      const at = key - USUAL_FROM;
      const isUsual = at >= 0 && at < USUAL;
      let row = isUsual ? usual[group * USUAL + at] - 1 : -1;
      if (row < 0) {
        row = this.#series.add(group, key);
        if (row === FULL) {
          this.isFull = true;
          continue;
        }
        if (isUsual) usual[group * USUAL + at] = row + 1;
        this.#cells.ensure(row + 1);
        [cells] = this.#cells.arrays;
      }
      cells[row * width + buckets[i]]++;
    }
  }

  #usualSeries(groups: number): Uint32Array {
    if (groups * USUAL > this.#usual.length) {
      const grown = new Uint32Array(Math.max(groups * USUAL, this.#usual.length * 2));
      grown.set(this.#usual);
      this.#usual = grown;
    }
    return this.#usual;
  }
}

/** Neighbours mostly share their bucket: adding to one cell again and again would wait for it every time. */
function countRuns(buckets: Uint32Array, count: number, cells: Float64Array): void {
  let bucket = 0;
  let run = 0;
  for (let i = 0; i < count; i++) {
    if (buckets[i] !== bucket) {
      cells[bucket] += run;
      bucket = buckets[i];
      run = 0;
    }
    run++;
  }
  cells[bucket] += run;
}
