import { ATTR_BOOL, ATTR_DOUBLE, ATTR_INT, ATTR_STRING } from '@vivace/trace';
import type { AttrEntries } from '@vivace/trace';
import type { AttributeCounts, CompareCounts } from './compare-counts.ts';
import { FULL, PairTable } from './pair-table.ts';
import type { Scratch } from './scratch.ts';
import { EMPTY, SEVERAL } from './value-table.ts';
import type { ValueTable } from './value-table.ts';

/** The spans counted, by the row of a level that they belong to: those of row `r` have the cells `columns[starts[r], starts[r + 1])`. */
export interface SpansOfRows {
  readonly starts: Uint32Array;
  readonly columns: Uint32Array;
}

/** Strings that several keys have and whose number is remembered. */
const MAX_SHARED = 65_536;

/** Counts attributes of any key as they come, those of one batch and scope: see `SpanColumns.visitAttrs`. */
export class ListedAttrs {
  readonly #counts: CompareCounts;
  readonly #scope: string;
  readonly #spans: SpansOfRows;
  readonly #scratch: Scratch;
  readonly #except: string;
  /** By key; undefined where there is no room. */
  #ofKey: (AttributeCounts | undefined)[] = [];
  #keyDict: AttrEntries['keyDict'] | undefined;
  #isKnown: Uint8Array = new Uint8Array(0);
  /** By string: the first key that had it, plus one, and its id for that key. */
  #firstKey: Uint32Array = new Uint32Array(0);
  #firstId: Uint32Array = new Uint32Array(0);
  #shared = new PairTable(MAX_SHARED);
  #sharedIds: number[] = [];
  /** By key: the row it was met in last, plus one, and the value there. */
  #metIn: Uint32Array = new Uint32Array(0);
  #met: Uint32Array = new Uint32Array(0);

  /** `scope` as in the labels of the answer, of which `except` is counted elsewhere. Uses arrays of `scratch` while it lives. */
  constructor(counts: CompareCounts, scope: string, except: string, spans: SpansOfRows, scratch: Scratch) {
    this.#except = except;
    this.#counts = counts;
    this.#scope = scope;
    this.#spans = spans;
    this.#scratch = scratch;
  }

  add(slice: AttrEntries): void {
    const { count, rows, keys } = slice;
    this.#prepare(slice);
    const { starts, columns } = this.#spans;
    const metIn = this.#metIn;
    const met = this.#met;
    const keysOfRow = this.#scratch.u32('keys of a row', slice.keyDict.size);
    for (let i = 0; i < count; ) {
      const row = rows[i];
      let n = 0;
      for (; i < count && rows[i] === row; i++) {
        const key = keys[i];
        const counts = this.#ofKey[key];
        if (counts === undefined) continue;
        const id = this.#valueId(slice, i, key, counts.table);
        if (metIn[key] !== row + 1) {
          metIn[key] = row + 1;
          met[key] = id;
          keysOfRow[n++] = key;
        } else if (met[key] <= EMPTY) met[key] = Math.max(met[key], id);
        // Several entries of one row are an array.
        else if (id > EMPTY) met[key] = SEVERAL;
      }
      for (let k = 0; k < n; k++) this.#ofKey[keysOfRow[k]]?.add(met[keysOfRow[k]], columns, starts[row], starts[row + 1]);
    }
  }

  #prepare({ count, keys, keyDict, dict }: AttrEntries): void {
    if (this.#keyDict !== keyDict) {
      this.#keyDict = keyDict;
      this.#ofKey = [];
      this.#isKnown = this.#scratch.zeroBytes('known keys', keyDict.size);
      this.#firstKey = this.#scratch.zeroU32('first key', dict.size);
      this.#firstId = this.#scratch.u32('first id', dict.size);
      this.#metIn = this.#scratch.zeroU32('met in', keyDict.size);
      this.#met = this.#scratch.u32('met', keyDict.size);
      this.#shared = new PairTable(MAX_SHARED);
      this.#sharedIds = [];
    }
    const isKnown = this.#isKnown;
    for (let i = 0; i < count; i++) {
      const key = keys[i];
      if (isKnown[key] !== 0) continue;
      isKnown[key] = 1;
      const label = `${this.#scope}.${keyDict.get(key)}`;
      if (label !== this.#except) this.#ofKey[key] = this.#counts.of(label);
    }
  }

  #valueId({ types, u32, f64, dict }: AttrEntries, i: number, key: number, table: ValueTable): number {
    switch (types[i]) {
      case ATTR_STRING:
        return this.#textId(u32[2 * i], key, table, dict);
      case ATTR_INT:
        return table.int(u32[2 * i], u32[2 * i + 1]);
      case ATTR_DOUBLE:
        return table.float(f64[i]);
      case ATTR_BOOL:
        return table.bool(u32[2 * i]);
      default:
        return EMPTY;
    }
  }

  /** Most strings are of one key: looked up once. */
  #textId(string: number, key: number, table: ValueTable, dict: AttrEntries['dict']): number {
    const first = this.#firstKey[string];
    if (first === key + 1) return this.#firstId[string];
    if (first === 0) {
      this.#firstKey[string] = key + 1;
      return (this.#firstId[string] = table.text(dict.get(string)));
    }
    const pair = this.#shared.add(key, string);
    if (pair === FULL) return table.text(dict.get(string));
    return (this.#sharedIds[pair] ??= table.text(dict.get(string)));
  }
}
