import { ATTR_BOOL, ATTR_DOUBLE, ATTR_INT, ATTR_JSON, ATTR_STRING } from '@vivace/trace';
import type { AttrColumn, StringColumn, StringDict } from '@vivace/trace';
import { ByteDictionary } from '@vivace/parquet';
import type { ColumnSource } from './columns.ts';
import { stringColumn } from './column-values.ts';
import { levelBytes, listOffsets } from './list-kernels.ts';

/** The seven columns of an attribute list in file order; undefined where no attribute has such a value. */
export type AttrSources = readonly (ColumnSource | undefined)[];

/** For each of some attributes: its type (0 = no scalar) and which dense values of that type's column are its. */
export interface AttrValues {
  readonly types: Uint8Array;
  readonly first: Uint32Array;
  readonly counts: Uint32Array;
  readonly array: Uint8Array;
}

const SCALARS = [ATTR_STRING, ATTR_INT, ATTR_DOUBLE, ATTR_BOOL] as const;
export const EMPTY_DICT: StringDict = { size: 0, get: () => '', find: () => -1, byteLength: () => 0, copyTo: () => 0 };

/** The generic attribute list of one scope: `owners` rows of level `level`, each with any number of attributes. */
export class AttrGroup {
  readonly #sources: AttrSources;
  readonly #level: number;
  readonly #owners: number;
  #keys: StringColumn | undefined;
  #offsets: Uint32Array | undefined;
  #strings: StringColumn | undefined;
  #isArray: Uint8Array | undefined;

  constructor(sources: AttrSources, level: number, owners: number) {
    this.#sources = sources;
    this.#level = level;
    this.#owners = owners;
  }

  /** Attributes of owner `r`: `[offsets[r], offsets[r + 1])`. */
  offsets(): Uint32Array {
    const key = this.#sources[0];
    this.#offsets ??= key ? listOffsets(key, this.#level + 1, this.#owners) : new Uint32Array(this.#owners + 1);
    return this.#offsets;
  }

  keys(): StringColumn {
    const key = this.#sources[0];
    this.#keys ??= key ? stringColumn(key) : { ids: new Uint32Array(0), dict: EMPTY_DICT };
    return this.#keys;
  }

  strings(): StringColumn {
    const value = this.#sources[2];
    this.#strings ??= value ? stringColumn(value) : { ids: new Uint32Array(0), dict: EMPTY_DICT };
    return this.#strings;
  }

  /** Dense values of a scalar type as 64-bit words, or undefined when there are none. */
  words(type: typeof ATTR_INT | typeof ATTR_DOUBLE): Uint32Array | undefined {
    const values = this.#sources[type === ATTR_INT ? 3 : 4]?.values();
    return values?.kind === 'i64' ? values.u32 : values?.kind === 'f64' ? new Uint32Array(values.f64.buffer) : undefined;
  }

  bools(): Uint8Array | undefined {
    const values = this.#sources[5]?.values();
    return values?.kind === 'bool' ? values.u8 : undefined;
  }

  /** JSON texts of values without a scalar form and, aligned with them, the positions of their attributes. */
  unsupported(): { readonly positions: Uint32Array; readonly texts: StringColumn } | undefined {
    const column = this.#sources[6];
    if (!column || column.present() === 0) return undefined;
    const positions = new Uint32Array(column.present());
    const def = levelBytes(column.definition());
    const attrAt = column.leaf.repeatedAt[this.#level];
    let attr = 0;
    let out = 0;
    for (let i = 0; i < def.length; i++) {
      if (def[i] === column.leaf.maxDefinition) positions[out++] = attr;
      if (def[i] >= attrAt) attr++;
    }
    return { positions, texts: stringColumn(column) };
  }

  /** Types and values of all attributes, or of those at the ascending `positions`. */
  resolve(positions?: Uint32Array): AttrValues {
    const n = positions?.length ?? this.keys().ids.length;
    const found: AttrValues = { types: new Uint8Array(n), first: new Uint32Array(n), counts: new Uint32Array(n), array: this.#arrays(positions, n) };
    let left = n;
    for (let s = 0; s < SCALARS.length && left > 0; s++) {
      const column = this.#sources[2 + s];
      // Most keys have values of one type: columns after it are not even decompressed.
      if (column) left -= this.#locate(column, SCALARS[s], positions, found);
    }
    return found;
  }

  /** The attributes with this key, by owner row. Undefined when there are none. */
  find(key: string): AttrColumn | undefined {
    const keys = this.keys();
    const id = keys.dict.find(key);
    if (id < 0) return undefined;
    const positions = positionsOf(keys.ids, id);
    if (positions.length === 0) return undefined;
    const found = this.resolve(positions);
    let count = 0;
    for (let m = 0; m < positions.length; m++) count += Math.max(found.counts[m], 1);
    const rows = new Uint32Array(count);
    const types = new Uint8Array(count);
    const f64 = new Float64Array(count);
    const u32 = new Uint32Array(f64.buffer);
    const array = found.array.length === 0 ? undefined : new Uint8Array(count);
    const offsets = this.offsets();
    const ints = this.words(ATTR_INT);
    const doubles = this.words(ATTR_DOUBLE);
    const bools = this.bools();
    const strings = this.strings();
    let row = 0;
    let out = 0;
    for (let m = 0; m < positions.length; m++) {
      while (offsets[row + 1] <= positions[m]) row++;
      const type = found.types[m];
      const from = found.first[m];
      const to = from + Math.max(found.counts[m], 1);
      for (let v = from; v < to; v++, out++) {
        rows[out] = row;
        types[out] = type === 0 ? ATTR_JSON : type;
        if (array) array[out] = found.array[m];
        if (type === ATTR_STRING) u32[2 * out] = strings.ids[v];
        else if (type === ATTR_BOOL) u32[2 * out] = bools?.[v] ?? 0;
        else if (type !== 0) {
          const words = type === ATTR_INT ? ints : doubles;
          u32[2 * out] = words?.[2 * v] ?? 0;
          u32[2 * out + 1] = words?.[2 * v + 1] ?? 0;
        }
      }
    }
    const dict = ownStrings(strings.dict, types, u32);
    return { count, rows, types, f64, i64: new BigInt64Array(f64.buffer), u32, dict, array };
  }

  /** IsArray at the positions; empty when no attribute of the group is an array. */
  #arrays(positions: Uint32Array | undefined, n: number): Uint8Array {
    if (this.#isArray === undefined) {
      const values = this.#sources[1]?.values();
      const flags = values?.kind === 'bool' ? values.u8 : new Uint8Array(0);
      if (flags.length !== this.keys().ids.length) this.#sources[1]?.fail(`${flags.length} array flags for ${this.keys().ids.length} keys`);
      this.#isArray = flags.includes(1) ? flags : new Uint8Array(0);
    }
    const flags = this.#isArray;
    if (flags.length === 0 || positions === undefined) return flags;
    const out = new Uint8Array(n);
    for (let m = 0; m < n; m++) out[m] = flags[positions[m]];
    return out;
  }

  /**
   * Finds the values of one column that belong to the attributes wanted, and tells how many attributes it settled. An attribute takes the first
   * column that has a value for it, and all values there only when it is an array.
   */
  #locate(column: ColumnSource, type: number, positions: Uint32Array | undefined, found: AttrValues): number {
    const key = this.#sources[0];
    const attrAt = column.leaf.repeatedAt[this.#level];
    const max = column.leaf.maxDefinition;
    const definition = column.definition();
    if (definition.constant >= 0 && definition.constant < max) return 0;
    const def = levelBytes(definition);
    const n = column.entries;
    const { types, first, counts } = found;
    let settled = 0;
    if (key && column.entries === key.entries) {
      // As many entries as keys: no attribute has two values, so an entry is an attribute (or an owner without any) and the repetition levels,
      // which cost as much as all the rest, are not needed.
      let value = 0;
      if (positions === undefined) {
        let attr = 0;
        for (let i = 0; i < n; i++) {
          const d = def[i];
          if (d === max) {
            if (types[attr] === 0) {
              types[attr] = type;
              first[attr] = value;
              counts[attr] = 1;
              settled++;
            }
            value++;
          }
          if (d >= attrAt) attr++;
        }
        return settled;
      }
      const entries = this.#entriesOf(key, positions);
      for (let m = 0, i = 0; m < entries.length; m++) {
        for (const target = entries[m]; i < target; i++) value += def[i] === max ? 1 : 0;
        if (def[i] === max && types[m] === 0) {
          types[m] = type;
          first[m] = value;
          counts[m] = 1;
          settled++;
        }
      }
      return settled;
    }
    const rep = levelBytes(column.repetition());
    const list = this.#level + 1;
    let attr = -1;
    let value = 0;
    let m = 0;
    for (let i = 0; i < n; i++) {
      const d = def[i];
      if (d >= attrAt && rep[i] <= list) attr++;
      if (d !== max) continue;
      if (positions === undefined) m = attr;
      else while (m < positions.length && positions[m] < attr) m++;
      if (positions === undefined || positions[m] === attr) {
        if (types[m] === 0) {
          types[m] = type;
          first[m] = value;
          counts[m] = 1;
          settled++;
        } else if (types[m] === type && found.array[m] === 1) counts[m]++;
      }
      value++;
    }
    return settled;
  }

  /** Entries of the key column at which the attributes at `positions` stand. */
  #entriesOf(key: ColumnSource, positions: Uint32Array): Uint32Array {
    const definition = key.definition();
    const max = key.leaf.maxDefinition;
    if (definition.constant === max) return positions;
    const def = definition.each;
    const entries = new Uint32Array(positions.length);
    let attr = 0;
    let m = 0;
    for (let i = 0; m < positions.length && i < def.length; i++) {
      if (def[i] !== max) continue;
      if (attr === positions[m]) entries[m++] = i;
      attr++;
    }
    return entries;
  }
}

/**
 * The strings of one key, renumbering the ids in `u32`: the column's dictionary holds those of all keys, and whoever asks this key would
 * search and keep them all.
 */
function ownStrings(dict: StringDict, types: Uint8Array, u32: Uint32Array): StringDict {
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

function positionsOf(ids: Uint32Array, id: number): Uint32Array {
  let n = 0;
  for (let i = 0; i < ids.length; i++) n += ids[i] === id ? 1 : 0;
  const positions = new Uint32Array(n + 1);
  let out = 0;
  for (let i = 0; i < ids.length; i++) {
    positions[out] = i;
    out += ids[i] === id ? 1 : 0;
  }
  return positions.subarray(0, n);
}
