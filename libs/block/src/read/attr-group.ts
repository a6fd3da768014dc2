import { ATTR_BOOL, ATTR_DOUBLE, ATTR_INT, ATTR_STRING } from '@vivace/trace';
import type { StringColumn, StringDict } from '@vivace/trace';
import { ATTR_VALUE } from './columns.ts';
import type { ColumnSource } from './columns.ts';
import { stringColumn } from './column-values.ts';
import { levelBytes, listOffsets } from './list-kernels.ts';

/** The seven columns of an attribute list in file order; undefined where no attribute has such a value. */
export type AttrSources = readonly (ColumnSource | undefined)[];

/** For each attribute of a group: its type (0 = no scalar) and which dense values of that type's column are its. */
export interface AttrValues {
  readonly types: Uint8Array;
  readonly first: Uint32Array;
  readonly counts: Uint32Array;
  readonly array: Uint8Array;
}

export const EMPTY_DICT: StringDict = { size: 0, get: () => '', find: () => -1, byteLength: () => 0, copyTo: () => 0 };
/** In the order of their columns, which begin at `ATTR_VALUE`. */
export const SCALARS = [ATTR_STRING, ATTR_INT, ATTR_DOUBLE, ATTR_BOOL] as const;

/** The generic attribute list of one scope: `owners` rows of level `level`, each with any number of attributes. */
export class AttrGroup {
  readonly level: number;
  readonly owners: number;
  readonly #sources: AttrSources;
  #keys: StringColumn | undefined;
  #offsets: Uint32Array | undefined;
  #strings: StringColumn | undefined;
  #isArray: Uint8Array | undefined;

  constructor(sources: AttrSources, level: number, owners: number) {
    this.#sources = sources;
    this.level = level;
    this.owners = owners;
  }

  /** One of the seven columns. */
  source(number: number): ColumnSource | undefined {
    return this.#sources[number];
  }

  /** Attributes of owner `r`: `[offsets[r], offsets[r + 1])`. */
  offsets(): Uint32Array {
    const key = this.#sources[0];
    this.#offsets ??= key ? listOffsets(key, this.level + 1, this.owners) : new Uint32Array(this.owners + 1);
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
    const attrAt = column.leaf.repeatedAt[this.level];
    let attr = 0;
    let out = 0;
    for (let i = 0; i < def.length; i++) {
      if (def[i] === column.leaf.maxDefinition) positions[out++] = attr;
      if (def[i] >= attrAt) attr++;
    }
    return { positions, texts: stringColumn(column) };
  }

  /** Types and values of all attributes. */
  resolve(): AttrValues {
    const n = this.keys().ids.length;
    const found: AttrValues = { types: new Uint8Array(n), first: new Uint32Array(n), counts: new Uint32Array(n), array: this.arrays() };
    for (let s = 0; s < SCALARS.length; s++) {
      const column = this.#sources[ATTR_VALUE + s];
      if (column) this.#locate(column, SCALARS[s], found);
    }
    return found;
  }

  /** IsArray of all attributes or of those at the ascending `positions`; empty when no attribute of the group is an array. */
  arrays(positions?: Uint32Array): Uint8Array {
    if (this.#isArray === undefined) {
      const values = this.#sources[1]?.values();
      const flags = values?.kind === 'bool' ? values.u8 : NO_FLAGS;
      if (this.#sources[1] && flags.length !== this.keys().ids.length) this.#sources[1].fail(`${flags.length} array flags for ${this.keys().ids.length} keys`);
      this.#isArray = flags.includes(1) ? flags : NO_FLAGS;
    }
    const flags = this.#isArray;
    return flags.length === 0 || positions === undefined ? flags : Uint8Array.from(positions, (position) => flags[position]);
  }

  /** Finds the values of one column. An attribute takes the first column that has a value for it, and all values there only when it is an array. */
  #locate(column: ColumnSource, type: number, { types, first, counts, array }: AttrValues): void {
    const attrAt = column.leaf.repeatedAt[this.level];
    const max = column.leaf.maxDefinition;
    const definition = column.definition();
    if (definition.constant >= 0 && definition.constant < max) return;
    const def = levelBytes(definition);
    const n = column.entries;
    // As many entries as keys: no attribute has two values, so the repetition levels, which cost as much as all the rest, are not needed.
    const rep = column.entries === this.#sources[0]?.entries ? undefined : levelBytes(column.repetition());
    const list = this.level + 1;
    let attr = -1;
    let value = 0;
    for (let i = 0; i < n; i++) {
      const d = def[i];
      if (d >= attrAt && (rep === undefined || rep[i] <= list)) attr++;
      if (d !== max) continue;
      if (types[attr] === 0) {
        types[attr] = type;
        first[attr] = value;
        counts[attr] = 1;
      } else if (types[attr] === type && array[attr] === 1) counts[attr]++;
      value++;
    }
  }
}

const NO_FLAGS = new Uint8Array(0);
