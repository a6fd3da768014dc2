import type { ColumnSource } from './columns.ts';
import { levelBytes } from './list-kernels.ts';

/** Where one key occurs in an attribute list, ascending. */
export interface KeyEntries {
  /** Rows of the owners. */
  readonly rows: Uint32Array;
  /** Entries of the key column. */
  readonly entries: Uint32Array;
  /** Numbers of the attributes: entries without those of owners that have none. */
  readonly attrs: Uint32Array;
}

/** Finds the attributes whose key has `id` in the column of keys of a list below level `level`, in one pass. `ids` are its values; `owners` rows are due. */
export function keyEntries(key: ColumnSource, ids: Uint32Array, id: number, level: number, owners: number): KeyEntries {
  let n = 0;
  for (let i = 0; i < ids.length; i++) n += +(ids[i] === id);
  const rows = new Uint32Array(n);
  const entries = new Uint32Array(n);
  const attrs = new Uint32Array(n);
  if (n === 0) return { rows, entries, attrs };
  const list = level + 1;
  const ownerAt = key.leaf.repeatedAt[level - 1];
  const max = key.leaf.maxDefinition;
  const rep = levelBytes(key.repetition());
  const def = levelBytes(key.definition());
  let owner = -1;
  let attr = 0;
  let m = 0;
  for (let i = 0; i < def.length; i++) {
    const d = def[i];
    owner += +(rep[i] < list) & +(d >= ownerAt);
    if (d !== max) continue;
    if (ids[attr] === id) {
      rows[m] = owner;
      entries[m] = i;
      attrs[m++] = attr;
    }
    attr++;
  }
  if (owner + 1 !== owners) key.fail(`${owner + 1} rows at level ${level}, ${owners} are due,`);
  return { rows, entries, attrs };
}
