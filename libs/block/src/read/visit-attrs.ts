import { ATTR_BOOL, ATTR_DOUBLE, ATTR_INT, ATTR_JSON, ATTR_STRING } from '@vivace/trace';
import type { AttrEntries } from '@vivace/trace';
import { ByteDictionary } from '@vivace/parquet';
import { EMPTY_DICT, SCALARS } from './attr-group.ts';
import type { AttrGroup } from './attr-group.ts';
import { halvesColumn, stringColumn } from './column-values.ts';
import { ATTR_VALUE } from './columns.ts';
import type { ColumnSource } from './columns.ts';
import { LevelRank } from './level-rank.ts';
import { levelBytes, presentRows } from './list-kernels.ts';

/** Entries of a slice, or one row if that has more. */
const SLICE = 16_384;

/** Where the values of a slice's entries lie: what `fill` needs to complete it. */
interface Slice {
  rows: Uint32Array;
  keys: Uint32Array;
  /** 0 where there is no scalar. */
  types: Uint8Array;
  /** Which dense value of the column of its type. */
  first: Uint32Array;
}

type Emit = (count: number) => void;

/**
 * Shows the attributes of the ascending owners `wanted` (undefined: all), except those whose key is in `except`, in slices of whole owners
 * (see `SpanColumns.visitAttrs`). One pass over the levels of the key column and of those with values.
 */
export function visitGroup(group: AttrGroup, wanted: Uint32Array | undefined, except: ReadonlySet<string>, visit: (slice: AttrEntries) => void): void {
  const key = group.source(0);
  if (key === undefined) return;
  const { ids, dict } = group.keys();
  const skip = new Uint8Array(dict.size);
  for (const name of except) {
    const id = dict.find(name);
    if (id >= 0) skip[id] = 1;
  }
  const slice: Slice = { rows: new Uint32Array(SLICE), keys: new Uint32Array(SLICE), types: new Uint8Array(SLICE), first: new Uint32Array(SLICE) };
  const fill = filler(group);
  const emit: Emit = (count) => {
    if (count > 0) visit({ count, rows: slice.rows, keys: slice.keys, types: slice.types, ...fill(slice, count), keyDict: dict });
  };
  const isScalar = group.arrays().length === 0 && SCALARS.every((_, s) => (group.source(ATTR_VALUE + s)?.entries ?? key.entries) === key.entries);
  if (isScalar) walkScalars(group, key, ids, wanted, skip, slice, emit);
  else walkLists(group, ids, wanted, skip, slice, emit);
}

/** Shows the attribute that has the column `source` of its own, at level `level` of `owners` rows, as `visitGroup` does. */
export function visitOwn(
  source: ColumnSource,
  key: string,
  isInt: boolean,
  level: number,
  owners: number,
  wanted: Uint32Array | undefined,
  visit: (slice: AttrEntries) => void,
): void {
  const present = source.present();
  const { ids, dict } = isInt ? { ids: NO_WORDS, dict: EMPTY_DICT } : stringColumn(source, present);
  const halves = isInt ? halvesColumn(source, present) : NO_WORDS;
  const rows = new Uint32Array(SLICE);
  const f64 = new Float64Array(SLICE);
  const u32 = new Uint32Array(f64.buffer);
  const name = Buffer.from(key);
  const entries = {
    rows,
    keys: new Uint32Array(SLICE),
    types: new Uint8Array(SLICE).fill(isInt ? ATTR_INT : ATTR_STRING),
    f64,
    u32,
    keyDict: new ByteDictionary(name, Uint32Array.of(name.length)),
    dict,
  };
  let out = 0;
  const show = (row: number, value: number): void => {
    if (out === SLICE) {
      visit({ count: out, ...entries });
      out = 0;
    }
    rows[out] = row;
    if (isInt) {
      u32[2 * out] = halves[2 * value];
      u32[2 * out + 1] = halves[2 * value + 1];
    } else u32[2 * out] = ids[value];
    out++;
  };
  const values = LevelRank.ofValues(source);
  if (values === undefined) return;
  const count = wanted?.length ?? owners;
  if (source.entries === owners) {
    // An entry is a row.
    const { levels, level: filled } = values;
    for (let w = 0; w < count; w++) {
      const row = wanted ? wanted[w] : w;
      if (levels[row] === filled) show(row, values.before(row));
    }
  } else {
    const filledRows = presentRows(source, level);
    for (let w = 0, value = 0; w < count; w++) {
      const row = wanted ? wanted[w] : w;
      while (value < filledRows.length && filledRows[value] < row) value++;
      if (filledRows[value] === row) show(row, value);
    }
  }
  if (out > 0) visit({ count: out, ...entries });
}

/** No attribute has two values: every column has an entry for each entry of the keys. What lies between owners asked for is only counted. */
function walkScalars(group: AttrGroup, key: ColumnSource, ids: Uint32Array, wanted: Uint32Array | undefined, skip: Uint8Array, slice: Slice, emit: Emit): void {
  const attrs = LevelRank.ofValues(key);
  if (attrs === undefined) return;
  const startOf = ownerStarts(key, group.level, group.owners);
  const def = attrs.levels;
  const max = attrs.level;
  const columns: { readonly values: LevelRank; readonly levels: Uint8Array; readonly filled: number; readonly type: number }[] = [];
  SCALARS.forEach((type, s) => {
    const values = LevelRank.ofValues(group.source(ATTR_VALUE + s));
    if (values) columns.push({ values, levels: values.levels, filled: values.level, type });
  });
  const hasSkipped = skip.includes(1);
  let { rows, keys, types, first } = slice;
  let out = 0;
  const count = wanted?.length ?? group.owners;
  for (let w = 0; w < count; w++) {
    const owner = wanted ? wanted[w] : w;
    const from = startOf(owner);
    const to = startOf(owner + 1);
    if (out + to - from > rows.length) {
      emit(out);
      out = 0;
      while (to - from > rows.length) ({ rows, keys, types, first } = grow(slice));
    }
    const begin = out;
    for (let e = from, attr = attrs.before(from); e < to; e++) {
      if (def[e] !== max) continue;
      rows[out] = owner;
      types[out] = 0;
      keys[out++] = ids[attr++];
    }
    // An owner without attributes has an entry too, and the only one.
    if (out === begin) continue;
    for (let c = 0; c < columns.length; c++) {
      const { values, levels, filled, type } = columns[c];
      for (let e = from, o = begin, value = values.before(from); e < to; e++, o++) {
        if (levels[e] !== filled) continue;
        // An attribute takes the first column that has a value for it.
        if (types[o] === 0) {
          types[o] = type;
          first[o] = value;
        }
        value++;
      }
    }
    if (hasSkipped) out = withoutKeys(skip, slice, begin, out);
  }
  emit(out);
}

/** Tells where the entries of an owner begin, asked for ascending owners (again for the last); those of the last end where the next would begin. */
function ownerStarts(key: ColumnSource, level: number, owners: number): (owner: number) => number {
  const rep = levelBytes(key.repetition());
  const list = level + 1;
  const n = key.entries;
  // Without a row above that has no owner, every entry that does not go on with a list is an owner's.
  const isPlain = n - new LevelRank(rep, list).before(n) === owners;
  if (isPlain) {
    const starts = new LevelRank(rep, list);
    return (owner) => starts.other(owner);
  }
  const def = levelBytes(key.definition());
  const ownerAt = key.leaf.repeatedAt[level - 1];
  const starts = new Uint32Array(owners + 1);
  let owner = 0;
  for (let e = 0; e < n; e++) {
    if (owner < owners) starts[owner] = e;
    owner += +(rep[e] < list) & +(def[e] >= ownerAt);
  }
  if (owner !== owners) key.fail(`${owner} rows at level ${level}, ${owners} are due,`);
  starts[owners] = n;
  return (row) => starts[row];
}

/** Takes out the entries `[from, to)` whose key is to be skipped; returns the new end. */
function withoutKeys(skip: Uint8Array, { rows, keys, types, first }: Slice, from: number, to: number): number {
  let out = from;
  for (let e = from; e < to; e++) {
    if (skip[keys[e]] !== 0) continue;
    if (out < e) {
      rows[out] = rows[e];
      keys[out] = keys[e];
      types[out] = types[e];
      first[out] = first[e];
    }
    out++;
  }
  return out;
}

/** With arrays, which are rare: where everything lies is found first. */
function walkLists(group: AttrGroup, ids: Uint32Array, wanted: Uint32Array | undefined, skip: Uint8Array, slice: Slice, emit: Emit): void {
  const offsets = group.offsets();
  const located = group.resolve();
  let { rows, keys, types, first } = slice;
  let out = 0;
  const count = wanted?.length ?? group.owners;
  for (let w = 0; w < count; w++) {
    const owner = wanted ? wanted[w] : w;
    if (out >= SLICE) {
      emit(out);
      out = 0;
    }
    for (let attr = offsets[owner]; attr < offsets[owner + 1]; attr++) {
      if (skip[ids[attr]] !== 0) continue;
      const values = Math.max(located.counts[attr], 1);
      while (out + values > rows.length) ({ rows, keys, types, first } = grow(slice));
      for (let v = 0; v < values; v++) {
        rows[out] = owner;
        keys[out] = ids[attr];
        types[out] = located.types[attr];
        first[out++] = located.first[attr] + v;
      }
    }
  }
  emit(out);
}

/** Twice as long, with what is in it. */
function grow(slice: Slice): Slice {
  const u32 = (from: Uint32Array): Uint32Array => {
    const to = new Uint32Array(from.length * 2);
    to.set(from);
    return to;
  };
  const types = new Uint8Array(slice.types.length * 2);
  types.set(slice.types);
  return Object.assign(slice, { rows: u32(slice.rows), keys: u32(slice.keys), types, first: u32(slice.first) });
}

/** Puts the values in place, in memory that the next slice takes over, and `ATTR_JSON` where there is none. */
function filler(group: AttrGroup): (slice: Slice, count: number) => Pick<AttrEntries, 'f64' | 'u32' | 'dict'> {
  const { ids, dict } = group.strings();
  const ints = group.words(ATTR_INT) ?? NO_WORDS;
  const doubles = group.words(ATTR_DOUBLE) ?? NO_WORDS;
  const bools = group.bools() ?? NO_FLAGS;
  let f64 = new Float64Array(SLICE);
  let u32 = new Uint32Array(f64.buffer);
  return ({ types, first }, count) => {
    if (count > f64.length) {
      f64 = new Float64Array(types.length);
      u32 = new Uint32Array(f64.buffer);
    }
    for (let e = 0; e < count; e++) {
      const at = first[e];
      switch (types[e]) {
        case ATTR_STRING:
          u32[2 * e] = ids[at];
          break;
        case ATTR_INT:
          u32[2 * e] = ints[2 * at];
          u32[2 * e + 1] = ints[2 * at + 1];
          break;
        case ATTR_DOUBLE:
          u32[2 * e] = doubles[2 * at];
          u32[2 * e + 1] = doubles[2 * at + 1];
          break;
        case ATTR_BOOL:
          u32[2 * e] = bools[at];
          break;
        default:
          types[e] = ATTR_JSON;
      }
    }
    return { f64, u32, dict };
  };
}

const NO_WORDS = new Uint32Array(0);
const NO_FLAGS = new Uint8Array(0);
