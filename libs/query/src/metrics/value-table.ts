import type { Cell } from '../cell.ts';
import { CELL_BOOL, CELL_FLOAT, CELL_INT, CELL_NONE, CELL_TEXT } from '../cell.ts';
import { cellToJson } from '../cell-json.ts';
import type { AnyValueJson } from '../model.ts';
import { FULL } from './pair-table.ts';

/** A label's value; undefined is nil. */
export type GroupValue = AnyValueJson | undefined;

/** Ids below `FIRST_VALUE` are no value, for different reasons. The key is not there. */
export const ABSENT = 0;
/** The key is there, with a value nothing can be said of (a map). */
export const EMPTY = 1;
/** An array; or a value no label can show: NaN, and the text "nil", which stands for no value. */
export const SEVERAL = 2;
export const FIRST_VALUE = 3;

/** Characters that the values of several tables may take. */
export interface TextBudget {
  text: number;
}

/** Numbers the distinct values of one field, by type and value, in order of appearance. */
export class ValueTable {
  readonly #limit: number;
  readonly #budget: TextBudget;
  readonly #values: AnyValueJson[] = [];
  readonly #texts = new Map<string, number>([['nil', SEVERAL]]);
  readonly #ints = new Map<number, number>();
  readonly #wide = new Map<string, number>();
  readonly #floats = new Map<number, number>();
  readonly #bools: [number, number] = [0, 0];

  constructor(limit: number, budget: TextBudget) {
    this.#limit = limit;
    this.#budget = budget;
  }

  /** A value had to be refused. */
  isFull = false;

  /** Ids are below this. */
  get end(): number {
    return this.#values.length + FIRST_VALUE;
  }

  get size(): number {
    return this.#values.length;
  }

  value(id: number): GroupValue {
    return this.#values[id - FIRST_VALUE];
  }

  text(text: string): number {
    let id = this.#texts.get(text);
    if (id !== undefined) return id;
    if (text.length > this.#budget.text) {
      this.isFull = true;
      return FULL;
    }
    if ((id = this.#add({ stringValue: text })) !== FULL) {
      this.#texts.set(text, id);
      this.#budget.text -= text.length;
    }
    return id;
  }

  /** An int64 by its halves. */
  int(low: number, high: number): number {
    const value = (high | 0) * 4_294_967_296 + low;
    if (!Number.isSafeInteger(value)) return this.#wideInt(((BigInt(high | 0) << 32n) | BigInt(low)).toString());
    let id = this.#ints.get(value);
    if (id === undefined && (id = this.#add({ intValue: String(value) })) !== FULL) this.#ints.set(value, id);
    return id;
  }

  /** JSON has no place for NaN and the infinities. */
  float(value: number): number {
    if (!Number.isFinite(value)) return SEVERAL;
    let id = this.#floats.get(value);
    // -0 is the key 0.
    if (id === undefined && (id = this.#add({ doubleValue: value + 0 })) !== FULL) this.#floats.set(value, id);
    return id;
  }

  bool(value: number): number {
    let id = this.#bools[value & 1];
    if (id === 0 && (id = this.#add({ boolValue: value === 1 })) !== FULL) this.#bools[value & 1] = id;
    return id;
  }

  cell(cell: Cell): number {
    switch (cell.type) {
      case CELL_NONE:
        return EMPTY;
      case CELL_TEXT:
        return this.text(cell.text);
      case CELL_FLOAT:
        return this.float(cell.num);
      case CELL_BOOL:
        return this.bool(cell.num);
      case CELL_INT: {
        const big = BigInt.asUintN(64, cell.toBig());
        return this.int(Number(big & 0xffff_ffffn), Number(big >> 32n));
      }
      default: {
        // Status, kind and durations are labels of text.
        const json = cellToJson(cell);
        return 'stringValue' in json ? this.text(json.stringValue) : SEVERAL;
      }
    }
  }

  #wideInt(text: string): number {
    let id = this.#wide.get(text);
    if (id === undefined && (id = this.#add({ intValue: text })) !== FULL) this.#wide.set(text, id);
    return id;
  }

  #add(value: AnyValueJson): number {
    if (this.#values.length >= this.#limit) {
      this.isFull = true;
      return FULL;
    }
    this.#values.push(value);
    return this.#values.length - 1 + FIRST_VALUE;
  }
}
