import { ATTR_BOOL, ATTR_DOUBLE, ATTR_INT, ATTR_JSON, ATTR_STRING } from '@vivace/trace';
import type { AttrColumn, StringDict } from '@vivace/trace';
import { ByteDictionary } from '@vivace/parquet';
import { EMPTY_DICT, SCALARS } from './attr-group.ts';
import type { AttrGroup } from './attr-group.ts';
import type { ColumnSource } from './columns.ts';
import { keyEntries } from './key-entries.ts';
import type { KeyEntries } from './key-entries.ts';
import { levelBytes } from './list-kernels.ts';

/** For each attribute with the key: its type (0 = no scalar), and which dense values of that type's column are its. */
interface Located {
  readonly types: Uint8Array;
  readonly first: Uint32Array;
  /** Empty when none has more than one. */
  readonly counts: Uint32Array;
  readonly array: Uint8Array;
}

/**
 * The attributes of a group with this key, by owner row; undefined when there are none. Decodes only columns that hold values of theirs, provided
 * that `likely`, a type that the key had elsewhere, is their type. An attribute has values of one type.
 */
export function findAttr(group: AttrGroup, key: string, likely = 0): AttrColumn | undefined {
  const keys = group.keys();
  const id = keys.dict.find(key);
  const source = group.source(0);
  if (id < 0 || source === undefined) return undefined;
  const entries = keyEntries(source, keys.ids, id, group.level, group.owners);
  if (entries.rows.length === 0) return undefined;
  const located = locate(group, entries, likely);
  return located.counts.length === 0 ? scalars(group, entries.rows, located) : lists(group, entries.rows, located);
}

function locate(group: AttrGroup, entries: KeyEntries, likely: number): Located {
  const n = entries.rows.length;
  const isScalar = SCALARS.every((_, s) => hasSameEntries(group, s));
  const array = group.arrays(entries.attrs);
  const located: Located = { types: new Uint8Array(n), first: new Uint32Array(n), counts: new Uint32Array(isScalar && array.length === 0 ? 0 : n), array };
  let left = n;
  for (const type of [likely, ...SCALARS.filter((type) => type !== likely)]) {
    const s = SCALARS.indexOf(type as (typeof SCALARS)[number]);
    const column = s < 0 ? undefined : group.source(2 + s);
    // Most keys have values of one type: columns after it are not even decompressed.
    if (column && left > 0)
      left -= hasSameEntries(group, s) ? locateScalars(column, type, entries, located) : locateLists(column, type, group.level, entries, located);
  }
  return located;
}

/** As many entries as keys: no attribute has two values, so an entry is an attribute, or an owner without any. */
function hasSameEntries(group: AttrGroup, s: number): boolean {
  const column = group.source(2 + s);
  return column === undefined || column.entries === group.source(0)?.entries;
}

/** Finds the values of one column that belong to the attributes, and tells how many attributes it settled. */
function locateScalars(column: ColumnSource, type: number, { entries }: KeyEntries, { types, first, counts }: Located): number {
  const max = column.leaf.maxDefinition;
  const definition = column.definition();
  if (definition.constant >= 0 && definition.constant < max) return 0;
  const def = levelBytes(definition);
  let settled = 0;
  let value = 0;
  for (let m = 0, i = 0; m < entries.length; m++) {
    for (const target = entries[m]; i < target; i++) value += +(def[i] === max);
    if (def[i] !== max || types[m] !== 0) continue;
    types[m] = type;
    first[m] = value;
    settled++;
  }
  if (counts.length > 0) for (let m = 0; m < types.length; m++) if (types[m] === type) counts[m] = 1;
  return settled;
}

/** As `locateScalars` for a column in which some attributes have several values; all of them count only when it is an array. */
function locateLists(column: ColumnSource, type: number, level: number, { attrs }: KeyEntries, { types, first, counts, array }: Located): number {
  const max = column.leaf.maxDefinition;
  const attrAt = column.leaf.repeatedAt[level];
  const definition = column.definition();
  if (definition.constant >= 0 && definition.constant < max) return 0;
  const def = levelBytes(definition);
  const rep = levelBytes(column.repetition());
  const n = column.entries;
  const list = level + 1;
  let settled = 0;
  let attr = -1;
  let value = 0;
  let m = 0;
  for (let i = 0; i < n; i++) {
    const d = def[i];
    if (d >= attrAt && rep[i] <= list) attr++;
    if (d !== max) continue;
    while (m < attrs.length && attrs[m] < attr) m++;
    if (attrs[m] === attr) {
      if (types[m] === 0) {
        types[m] = type;
        first[m] = value;
        counts[m] = 1;
        settled++;
      } else if (types[m] === type && array[m] === 1) counts[m]++;
    }
    value++;
  }
  return settled;
}

/** One value each, or none. */
function scalars(group: AttrGroup, rows: Uint32Array, { types, first }: Located): AttrColumn {
  const count = rows.length;
  const f64 = new Float64Array(count);
  const u32 = new Uint32Array(f64.buffer);
  const has = (type: number): boolean => types.includes(type);
  const strings = has(ATTR_STRING) ? group.strings() : undefined;
  if (strings) copyIds(strings.ids, types, first, u32);
  if (has(ATTR_INT)) copyWords(group.words(ATTR_INT), ATTR_INT, types, first, u32);
  if (has(ATTR_DOUBLE)) copyWords(group.words(ATTR_DOUBLE), ATTR_DOUBLE, types, first, u32);
  if (has(ATTR_BOOL)) copyBools(group.bools(), types, first, u32);
  if (has(0)) for (let i = 0; i < count; i++) if (types[i] === 0) types[i] = ATTR_JSON;
  return { count, rows, types, f64, i64: new BigInt64Array(f64.buffer), u32, dict: ownStrings(strings?.dict, types, u32), array: undefined };
}

/** An entry for each value: attributes with several take several. */
function lists(group: AttrGroup, owners: Uint32Array, located: Located): AttrColumn {
  const { counts, array } = located;
  let count = 0;
  for (let m = 0; m < counts.length; m++) count += Math.max(counts[m], 1);
  const rows = new Uint32Array(count);
  const types = new Uint8Array(count);
  const first = new Uint32Array(count);
  const flags = array.length === 0 ? undefined : new Uint8Array(count);
  let out = 0;
  for (let m = 0; m < owners.length; m++) {
    for (let v = 0; v < Math.max(counts[m], 1); v++, out++) {
      rows[out] = owners[m];
      types[out] = located.types[m];
      first[out] = located.first[m] + v;
      if (flags) flags[out] = array[m];
    }
  }
  return { ...scalars(group, rows, { types, first, counts, array }), array: flags };
}

function copyIds(ids: Uint32Array, types: Uint8Array, first: Uint32Array, u32: Uint32Array): void {
  for (let i = 0; i < types.length; i++) if (types[i] === ATTR_STRING) u32[2 * i] = ids[first[i]];
}

function copyWords(words: Uint32Array | undefined, type: number, types: Uint8Array, first: Uint32Array, u32: Uint32Array): void {
  if (words === undefined) return;
  for (let i = 0; i < types.length; i++) {
    if (types[i] !== type) continue;
    u32[2 * i] = words[2 * first[i]];
    u32[2 * i + 1] = words[2 * first[i] + 1];
  }
}

function copyBools(bools: Uint8Array | undefined, types: Uint8Array, first: Uint32Array, u32: Uint32Array): void {
  if (bools === undefined) return;
  for (let i = 0; i < types.length; i++) if (types[i] === ATTR_BOOL) u32[2 * i] = bools[first[i]];
}

/**
 * The strings of one key, renumbering the ids in `u32`: the column's dictionary holds those of all keys, and whoever asks this key would
 * search and keep them all.
 */
function ownStrings(dict: StringDict | undefined, types: Uint8Array, u32: Uint32Array): StringDict {
  if (dict === undefined) return EMPTY_DICT;
  const numbers = new Uint32Array(dict.size);
  const ids = new Uint32Array(dict.size);
  let size = 0;
  let bytes = 0;
  for (let i = 0; i < types.length; i++) {
    if (types[i] !== ATTR_STRING) continue;
    const id = u32[2 * i];
    if (numbers[id] === 0) {
      ids[size++] = id;
      numbers[id] = size;
      bytes += dict.byteLength(id);
    }
    u32[2 * i] = numbers[id] - 1;
  }
  const data = new Uint8Array(bytes);
  const ends = new Uint32Array(size);
  for (let n = 0, at = 0; n < size; n++) ends[n] = at += dict.copyTo(ids[n], data, at);
  return new ByteDictionary(data, ends);
}
