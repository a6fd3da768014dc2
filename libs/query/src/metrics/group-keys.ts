import type { Batch } from '../batch.ts';
import type { Field } from '../field.ts';
import { fieldIds } from './level-ids.ts';
import { FULL, PairTable } from './pair-table.ts';
import type { Scratch } from './scratch.ts';
import type { Selection } from './select-spans.ts';
import { ValueTable } from './value-table.ts';
import type { GroupValue } from './value-table.ts';

/** A label of `by()`. */
export interface GroupField {
  readonly label: string;
  readonly field: Field;
}

/** Places for pairs of groups and values: a quarter of a megabyte. */
const MAX_PLACES = 65_536;
/** Characters of all values of all labels. */
const MAX_TEXT = 33_554_432;

/** Numbers the groups of a query over any number of batches. Of no fields there is one group, 0. Values that are nil for different reasons are groups of their own. */
export class GroupKeys {
  /** The labels on which groups were left out, because there were more than the limit. */
  readonly overflowed = new Set<string>();
  readonly #fields: readonly GroupField[];
  readonly #tables: readonly ValueTable[];
  /** Joins the group of the fields so far with the value of the next. */
  readonly #pairs: readonly PairTable[];

  constructor(fields: readonly GroupField[], limit: number) {
    this.#fields = fields;
    const budget = { text: MAX_TEXT };
    this.#tables = fields.map(() => new ValueTable(limit, budget));
    this.#pairs = fields.slice(1).map(() => new PairTable(limit));
  }

  /** Groups are below this. */
  get size(): number {
    if (this.#fields.length === 0) return 1;
    return this.#fields.length === 1 ? this.#tables[0].end : this.#pairs[this.#pairs.length - 1].size;
  }

  /** The group of every span selected, undefined when there is only one. Spans of groups beyond the limit are taken out of the selection. */
  assign(batch: Batch, selection: Selection, scratch: Scratch): Uint32Array | undefined {
    if (this.#fields.length === 0) return undefined;
    const groups = scratch.u32('groups', selection.count + 1);
    this.#assignField(0, batch, selection, scratch, groups);
    for (let f = 1; f < this.#fields.length; f++) {
      const values = scratch.u32('values', selection.count + 1);
      this.#assignField(f, batch, selection, scratch, values, groups);
      this.#join(f, groups, values, selection, scratch);
    }
    return groups;
  }

  /** The values of a group in the order of the fields. */
  valuesOf(group: number): readonly GroupValue[] {
    const values: GroupValue[] = [];
    let left = group;
    for (let f = this.#fields.length - 1; f >= 0; f--) {
      const id = f > 0 ? this.#pairs[f - 1].right(left) : left;
      values.push(this.#tables[f].value(id));
      if (f > 0) left = this.#pairs[f - 1].left(left);
    }
    return values.reverse();
  }

  /** Numbers as in the field's table. `alongside` is cut like the selection. */
  #assignField(f: number, batch: Batch, selection: Selection, scratch: Scratch, out: Uint32Array, alongside?: Uint32Array): void {
    const { field, label } = this.#fields[f];
    fieldIds(field, batch, selection, this.#tables[f], scratch, out);
    if (this.#tables[f].isFull) this.#drop(label, selection, scratch, out, alongside);
  }

  #join(f: number, groups: Uint32Array, values: Uint32Array, selection: Selection, scratch: Scratch): void {
    const pairs = this.#pairs[f - 1];
    const lefts = f === 1 ? this.#tables[0].end : this.#pairs[f - 2].size;
    const rights = this.#tables[f].end;
    // Few enough to have a place each; then a pair is looked up once.
    const known = lefts * rights <= MAX_PLACES ? scratch.zeroU32('pairs', lefts * rights) : undefined;
    let isFull = false;
    for (let i = 0; i < selection.count; i++) {
      const place = groups[i] * rights + values[i];
      let pair = known === undefined ? FULL : known[place] - 1;
      if (known === undefined || pair < 0) {
        pair = pairs.add(groups[i], values[i]);
        if (pair === FULL) isFull = true;
        else if (known !== undefined) known[place] = pair + 1;
      }
      groups[i] = pair;
    }
    if (isFull) this.#drop(this.#fields[f].label, selection, scratch, groups);
  }

  #drop(label: string, selection: Selection, scratch: Scratch, groups: Uint32Array, alongside?: Uint32Array): void {
    this.overflowed.add(label);
    const { rows, buckets } = selection;
    const kept = rows ?? scratch.u32('rows', selection.count);
    let n = 0;
    for (let i = 0; i < selection.count; i++) {
      if (groups[i] === FULL) continue;
      kept[n] = rows ? rows[i] : i;
      buckets[n] = buckets[i];
      if (alongside) alongside[n] = alongside[i];
      groups[n++] = groups[i];
    }
    selection.count = n;
    selection.rows = kept;
  }
}
