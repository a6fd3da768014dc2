import { ByteDictionary } from '@vivace/parquet';
import type { ByteRange, ColumnReader, DecodedLevels, DecodedValues, OffsetIndex } from '@vivace/parquet';
import type { RowGroupAccess } from './block-layout.ts';
import type { ColumnSet } from './column-set.ts';
import type { ColumnSource } from './columns.ts';

/** Entries (or values) that are kept: the ranges `[from[i], to[i])`, ascending, and how many they are together. */
interface Ranges {
  readonly from: Uint32Array;
  readonly to: Uint32Array;
  readonly count: number;
}

/**
 * Reads some rows (traces) of a row group, ascending: of each column the pages that hold them where there is a page index, else the chunk. The set, whose
 * trace count is theirs and which has none of them yet, gets columns of these rows only.
 */
export async function loadRows(access: RowGroupAccess, set: ColumnSet, wanted: readonly number[], rows: Uint32Array, signal?: AbortSignal): Promise<void> {
  if (wanted.length === 0) return;
  const indexes = await access.offsetIndexes(signal);
  const parts = wanted.map((column) => partOf(access, column, indexes[column], rows));
  const paged = wanted.filter((column) => indexes[column] !== undefined);
  const [sections, dictionaries] = await Promise.all([
    access.fetch(
      parts.flatMap((part) => part.ranges),
      signal,
    ),
    access.dictionaries(paged, signal),
  ]);
  let at = 0;
  wanted.forEach((column, i) => {
    const { ranges, ordinals } = parts[i];
    const own = sections.slice(at, (at += ranges.length));
    const reader = access.reader(column, own, { dictionary: dictionaries.get(column), partial: indexes[column] !== undefined });
    set.set(column, new SelectedSource(reader, ordinals));
  });
}

interface Part {
  /** Runs of neighbouring pages. */
  readonly ranges: readonly ByteRange[];
  /** Where each row stands among the rows of these pages. */
  readonly ordinals: Uint32Array;
}

function partOf(access: RowGroupAccess, column: number, index: OffsetIndex | undefined, rows: Uint32Array): Part {
  if (index === undefined) return { ranges: [access.chunkRange(column)], ordinals: rows };
  const { pages } = index;
  const ranges: { offset: number; length: number }[] = [];
  const ordinals = new Uint32Array(rows.length);
  let page = 0;
  let last = -1;
  /** Rows of the pages taken before the last one. */
  let before = 0;
  for (let i = 0; i < rows.length; i++) {
    while (page + 1 < pages.length && pages[page + 1].firstRowIndex <= rows[i]) page++;
    if (page !== last) {
      if (last >= 0) before += pages[last + 1].firstRowIndex - pages[last].firstRowIndex;
      const { offset, compressedPageSize } = pages[page];
      const run = ranges.at(-1);
      if (run && run.offset + run.length === offset) run.length += compressedPageSize;
      else ranges.push({ offset, length: compressedPageSize });
      last = page;
    }
    ordinals[i] = before + rows[i] - pages[page].firstRowIndex;
  }
  return { ranges, ordinals };
}

/** Some rows of a column. Copies what it keeps. */
class SelectedSource implements ColumnSource {
  readonly leaf: ColumnReader['leaf'];
  readonly #ordinals: Uint32Array;
  readonly #reader: ColumnReader;
  #entries: Ranges | undefined;
  #valueRanges: Ranges | undefined;
  #repetition: DecodedLevels | undefined;
  #definition: DecodedLevels | undefined;
  #values: DecodedValues | undefined;

  constructor(reader: ColumnReader, ordinals: Uint32Array) {
    this.leaf = reader.leaf;
    this.#reader = reader;
    this.#ordinals = ordinals;
  }

  get entries(): number {
    return this.#entryRanges().count;
  }

  fail(problem: string): never {
    return this.#reader.fail(problem);
  }

  repetition(): DecodedLevels {
    this.#repetition ??= cutLevels(this.#reader.repetition(), this.#entryRanges());
    return this.#repetition;
  }

  definition(): DecodedLevels {
    this.#definition ??= cutLevels(this.#reader.definition(), this.#entryRanges());
    return this.#definition;
  }

  present(): number {
    return this.#presentRanges().count;
  }

  values(): DecodedValues {
    this.#values ??= cutValues(this.#reader.values(), this.#presentRanges());
    return this.#values;
  }

  lowWords(): Int32Array {
    return cut(this.#reader.lowWords(), this.#presentRanges(), 1);
  }

  #entryRanges(): Ranges {
    this.#entries ??= rowRanges(this.#reader, this.#ordinals);
    return this.#entries;
  }

  /** The ranges of entries as ranges of values: entries without value take no place. */
  #presentRanges(): Ranges {
    this.#valueRanges ??= presentRanges(this.#reader.definition(), this.leaf.maxDefinition, this.#entryRanges());
    return this.#valueRanges;
  }
}

/** The entries of rows, given by their ascending ordinals. */
function rowRanges(reader: ColumnReader, ordinals: Uint32Array): Ranges {
  const { constant, each, count: entries } = reader.repetition();
  if (constant >= 0) {
    const from = ordinals;
    if (ordinals.length > 0 && ordinals[ordinals.length - 1] >= entries) reader.fail(`no entry for row ${ordinals[ordinals.length - 1]} of its pages`);
    return { from, to: from.map((row) => row + 1), count: from.length };
  }
  const from = new Uint32Array(ordinals.length);
  const to = new Uint32Array(ordinals.length);
  let row = -1;
  let count = 0;
  let i = 0;
  for (let n = 0; n < ordinals.length; n++) {
    const wanted = ordinals[n];
    for (; i < each.length; i++) if (each[i] === 0 && ++row === wanted) break;
    if (i === each.length) reader.fail(`no entry for row ${wanted} of its pages`);
    from[n] = i++;
    while (i < each.length && each[i] !== 0) i++;
    to[n] = i;
    count += to[n] - from[n];
  }
  return { from, to, count };
}

function presentRanges({ constant, each }: DecodedLevels, max: number, entries: Ranges): Ranges {
  if (constant === max) return entries;
  const n = entries.from.length;
  const from = new Uint32Array(n);
  const to = new Uint32Array(n);
  if (constant >= 0) return { from, to, count: 0 };
  let at = 0;
  let present = 0;
  let count = 0;
  for (let i = 0; i < n; i++) {
    for (const end = entries.from[i]; at < end; at++) present += +(each[at] === max);
    from[i] = present;
    for (const end = entries.to[i]; at < end; at++) present += +(each[at] === max);
    to[i] = present;
    count += to[i] - from[i];
  }
  return { from, to, count };
}

function cutLevels({ constant, each }: DecodedLevels, ranges: Ranges): DecodedLevels {
  return { count: ranges.count, constant, each: constant < 0 ? cut(each, ranges, 1) : each };
}

function cutValues(values: DecodedValues, ranges: Ranges): DecodedValues {
  const length = ranges.count;
  switch (values.kind) {
    case 'dictionary':
      return { kind: 'dictionary', length, ...ownDictionary(cut(values.ids, ranges, 1), values.dictionary) };
    case 'bytes':
      return { kind: 'bytes', length, ...cutBytes(values.bytes, values.ends, ranges) };
    case 'bool':
      return { kind: 'bool', length, u8: cut(values.u8, ranges, 1) };
    case 'i32':
      return { kind: 'i32', length, i32: cut(values.i32, ranges, 1) };
    case 'i64':
      return { kind: 'i64', length, u32: cut(values.u32, ranges, 2) };
    case 'f32':
      return { kind: 'f32', length, f32: cut(values.f32, ranges, 1) };
    case 'f64':
      return { kind: 'f64', length, f64: cut(values.f64, ranges, 1) };
    case 'fixed':
      return { kind: 'fixed', length, width: values.width, bytes: cut(values.bytes, ranges, values.width) };
  }
}

/** The elements kept, `width` a value. */
function cut<T extends Uint8Array | Uint32Array | Int32Array | Float32Array | Float64Array>(values: T, { from, to, count }: Ranges, width: number): T {
  const out = new (values.constructor as new (length: number) => T)(count * width);
  for (let i = 0, at = 0; i < from.length; i++) for (let j = from[i] * width; j < to[i] * width; j++) out[at++] = values[j];
  return out;
}

function cutBytes(bytes: Uint8Array, ends: Uint32Array, { from, to, count }: Ranges): { readonly bytes: Uint8Array; readonly ends: Uint32Array } {
  const cutEnds = new Uint32Array(count);
  const startOf = (value: number): number => (value === 0 ? 0 : ends[value - 1]);
  let size = 0;
  for (let i = 0, at = 0; i < from.length; i++) for (let v = from[i]; v < to[i]; v++) cutEnds[at++] = size += ends[v] - startOf(v);
  const out = new Uint8Array(size);
  for (let i = 0, at = 0; i < from.length; i++) {
    const range = bytes.subarray(startOf(from[i]), startOf(to[i]));
    out.set(range, at);
    at += range.length;
  }
  return { bytes: out, ends: cutEnds };
}

/** Renumbers `ids` in place for a dictionary of the values used only: the column's would be kept whole for a few rows. */
function ownDictionary(ids: Uint32Array, dictionary: ByteDictionary): { readonly ids: Uint32Array; readonly dictionary: ByteDictionary } {
  const numbers = new Map<number, number>();
  let size = 0;
  for (let i = 0; i < ids.length; i++) {
    let number = numbers.get(ids[i]);
    if (number === undefined) {
      numbers.set(ids[i], (number = numbers.size));
      size += dictionary.byteLength(ids[i]);
    }
    ids[i] = number;
  }
  const bytes = new Uint8Array(size);
  const ends = new Uint32Array(numbers.size);
  let at = 0;
  for (const [id, number] of numbers) ends[number] = at += dictionary.copyTo(id, bytes, at);
  return { ids, dictionary: new ByteDictionary(bytes, ends) };
}
