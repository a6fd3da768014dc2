import { FULL } from './pair-table.ts';
import { ABSENT, FIRST_VALUE, ValueTable } from './value-table.ts';
import type { GroupValue, TextBudget } from './value-table.ts';

/** Attributes counted; further ones are left out, and the answer says so. */
const MAX_ATTRIBUTES = 4_096;
/** Distinct values of an attribute that are counted apart; of further ones only that they are there. */
const MAX_VALUES = 10_000;
/** Cells of one attribute, and of all: 4 bytes each. */
const MAX_CELLS = 1_048_576;
const MAX_ALL_CELLS = 8 * MAX_CELLS;
/** Characters of all values. */
const MAX_TEXT = 16 * 1_048_576;
/** Values of an attribute and side that one job hands over for each one shown, at least and at most, and the cells of all of them: 8 bytes each. */
const HANDED_FOR_SHOWN = 20;
const MIN_HANDED = 200;
const MAX_HANDED = 1_000;
const MAX_HANDED_CELLS = 1_048_576;

const SIDES = ['baseline', 'selection'] as const;

/** Row 0 of a side is all spans with the attribute, row 1 those whose value is no scalar, then one row a value. */
const TOTAL = 0;
const NIL = 1;
const VALUES = 2;

/** What all attributes may still take. */
interface Budget extends TextBudget {
  cells: number;
}

/** What one job hands over: groups `[side, attribute]` and `[side, attribute, value]`, and a row of `buckets` cells for each. */
export interface HandedCounts {
  readonly groups: readonly (readonly GroupValue[])[];
  readonly cells: Float64Array;
}

/** The values of every attribute, counted by side and bucket, in bounded memory. */
export class CompareCounts {
  readonly #buckets: number;
  readonly #attributes = new Map<string, AttributeCounts>();
  readonly #budget: Budget = { cells: MAX_ALL_CELLS, text: MAX_TEXT };
  /** There were more attributes than can be counted. */
  isFull = false;

  constructor(buckets: number) {
    this.#buckets = buckets;
  }

  /** Undefined when the attribute is new and there is no room. */
  of(label: string): AttributeCounts | undefined {
    let counts = this.#attributes.get(label);
    if (counts !== undefined) return counts;
    const cells = 2 * VALUES * this.#buckets;
    if (this.#attributes.size >= MAX_ATTRIBUTES || this.#budget.cells < cells) {
      this.isFull = true;
      return undefined;
    }
    this.#attributes.set(label, (counts = new AttributeCounts(this.#buckets, this.#budget)));
    return counts;
  }

  /** The totals, and the most frequent values of every attribute, of which `shown` will be chosen when all jobs are done. */
  hand(shown: number): HandedCounts {
    const rows = Math.floor(MAX_HANDED_CELLS / Math.max(1, this.#buckets * 2 * this.#attributes.size));
    const most = Math.min(MAX_HANDED, Math.max(MIN_HANDED, shown * HANDED_FOR_SHOWN), Math.max(1, rows));
    const groups: (readonly GroupValue[])[] = [];
    const counted: Uint32Array[] = [];
    for (const [label, counts] of this.#attributes) {
      for (const [side, name] of SIDES.entries()) {
        const head = [{ stringValue: name }, { stringValue: label }];
        for (const { value, cells } of counts.best(side, most)) {
          groups.push(value === 'total' ? head : [...head, value]);
          counted.push(cells);
        }
      }
    }
    const cells = new Float64Array(counted.length * this.#buckets);
    counted.forEach((row, i) => cells.set(row, i * this.#buckets));
    return { groups, cells };
  }
}

/** The values of one attribute. */
export class AttributeCounts {
  readonly table: ValueTable;
  readonly #width: number;
  readonly #budget: Budget;
  /** Rows there are cells for. */
  #rows = 0;
  #cells = new Uint32Array(0);

  constructor(buckets: number, budget: Budget) {
    this.#width = 2 * buckets;
    this.#budget = budget;
    this.table = new ValueTable(Math.max(1, Math.min(MAX_VALUES, Math.floor(MAX_CELLS / this.#width) - VALUES)), budget);
    this.#grow(VALUES);
  }

  /** Counts values by id of the table; `columns[i]` is the cell of a span within a row: its bucket, behind those of the baseline when it is of the selection. */
  addAll(ids: Uint32Array, columns: Uint32Array, count: number): void {
    this.#grow(VALUES + this.table.size);
    const width = this.#width;
    const cells = this.#cells;
    const rows = this.#rows;
    for (let i = 0; i < count; i++) {
      const id = ids[i];
      if (id === ABSENT) continue;
      const column = columns[i];
      cells[TOTAL * width + column]++;
      const row = rowOf(id);
      if (row < rows) cells[row * width + column]++;
    }
  }

  /** Counts one value for the spans `[from, to)` of `columns`. */
  add(id: number, columns: Uint32Array, from: number, to: number): void {
    const row = rowOf(id);
    if (row >= this.#rows && id !== FULL) this.#grow(row + 1);
    const isKnown = row < this.#rows;
    const at = row * this.#width;
    const cells = this.#cells;
    for (let i = from; i < to; i++) {
      cells[columns[i]]++;
      if (isKnown) cells[at + columns[i]]++;
    }
  }

  /** The total and the `most` most frequent values of a side; nothing when no span there has the attribute. */
  best(side: number, most: number): readonly { readonly value: GroupValue | 'total'; readonly cells: Uint32Array }[] {
    const buckets = this.#width / 2;
    const counted = Array.from({ length: this.#rows }, (_, row) => {
      const at = row * this.#width + side * buckets;
      let total = 0;
      for (let b = 0; b < buckets; b++) total += this.#cells[at + b];
      return { row, at, total };
    });
    const [all, ...values] = counted.filter(({ total }) => total > 0);
    if (!all) return [];
    return [all, ...values.sort((a, b) => b.total - a.total).slice(0, most)].map(({ row, at }) => ({
      value: row === TOTAL ? 'total' : row === NIL ? undefined : this.table.value(row - VALUES + FIRST_VALUE),
      cells: this.#cells.subarray(at, at + buckets),
    }));
  }

  /** Makes room for `rows` rows, or for what the budget has left. */
  #grow(rows: number): void {
    if (rows <= this.#rows) return;
    const affordable = this.#rows + Math.floor(this.#budget.cells / this.#width);
    const wanted = Math.min(Math.max(rows, this.#rows * 2), affordable);
    if (wanted <= this.#rows) return;
    const cells = new Uint32Array(wanted * this.#width);
    cells.set(this.#cells);
    this.#budget.cells -= cells.length - this.#cells.length;
    this.#cells = cells;
    this.#rows = wanted;
  }
}

/** `FULL` has none: it is above all. */
function rowOf(id: number): number {
  return id === FULL ? FULL : id < FIRST_VALUE ? NIL : id - FIRST_VALUE + VALUES;
}
