import { BooleanValues, BytesDictionary, BytesValues, Codec, countLevel, DictionaryValues, DoubleValues, PhysicalType, schemaLeaves } from '@vivace/parquet';
import type { ByteDictionary, ColumnReader, DecodedValues } from '@vivace/parquet';
import type { TimeBounds } from '@vivace/trace';
import { COLUMN, COLUMN_COUNT } from '../read/columns.ts';
import { SCHEMA } from '../schema.ts';
import { PACKED } from '../write/column-writer.ts';
import type { ColumnWriter } from '../write/column-writer.ts';
import { RANDOM, UNIQUE } from './byte-columns.ts';
import { ColumnDictionary } from './column-dictionary.ts';
import { grown } from './grown.ts';
import { copyLevels, mergeNests } from './merge-levels.ts';
import type { MergedNest } from './merge-levels.ts';
import type { MergePlan } from './merge-plan.ts';
import { isRequired, NEST_OF } from './nests.ts';

const LEAVES = schemaLeaves(SCHEMA);
/** In no order. */
const TIMES = new Set<number>([COLUMN.traceStart, COLUMN.traceStart + 1, COLUMN.start]);
const NO_VALUES = new Uint32Array(0);

/** Stretches of values that go from decoded pages to places in a new column. */
interface Pieces {
  count: number;
  /** Values `[from, to)` of the pages… */
  from: Uint32Array;
  to: Uint32Array;
  /** …become values from here on. */
  at: Uint32Array;
}

/** Pages and the pieces `[first, end)` taken from them. */
interface PagePieces {
  readonly source: number;
  readonly reader: ColumnReader;
  readonly first: number;
  readonly end: number;
}

/** Values `[from, to)` of a new column that are all the same. */
interface Fill {
  readonly from: number;
  readonly to: number;
  /** PLAIN without length. */
  readonly value: Uint8Array;
}

/**
 * Writes a row group of rows copied from others, one column in memory at a time: levels and values are moved as they are, strings get the numbers of a dictionary of
 * their own, and what is computed from spans stays as it was computed.
 */
export class ColumnMerger {
  readonly #out: ColumnWriter;
  readonly #dictionary = new ColumnDictionary();
  readonly #pieces: Pieces = { count: 0, from: new Uint32Array(1024), to: new Uint32Array(1024), at: new Uint32Array(1024) };

  constructor(out: ColumnWriter) {
    this.#out = out;
  }

  /** Writes all columns, and takes the times of the traces in. What the plan loaded is given back. */
  write(plan: MergePlan, times: TimeBounds): void {
    const { scratch } = this.#out;
    const mark = scratch.mark();
    this.#dictionary.clear();
    const nests = mergeNests(scratch, plan);
    const runs = plan.sources.map((_, source) => plan.runsOf(source));
    const lastRows = runs.map((own) => plan.to[own[own.length - 1]]);
    let starts = NO_VALUES;
    for (let column = 0; column < COLUMN_COUNT; column++) {
      const halves = this.#column(column, plan, runs, nests[NEST_OF[column]]);
      if (column === COLUMN.traceStart) starts = halves.slice();
      else if (column === COLUMN.traceDuration)
        for (let i = 0; i < halves.length; i += 2) times.add(starts[i], starts[i + 1], halves[i + 1] * 4294967296 + halves[i]);
      plan.sources.forEach((source, i) => source.release(column, lastRows[i]));
    }
    for (const source of plan.sources) source.releaseRead();
    scratch.release(mark);
  }

  /** Writes a column. Its values when it is one of 64-bit integers; they are valid until the next one. */
  #column(column: number, plan: MergePlan, runs: readonly Uint32Array[], nest: MergedNest): Uint32Array {
    const out = this.#out;
    const leaf = LEAVES[column];
    const mark = out.scratch.mark();
    this.#pieces.count = 0;
    let definition = nest.levels.definition;
    let count = nest.runValues[plan.runCount];
    let pages: PagePieces[] = [];
    const fills = constantRuns(column, plan, runs, nest);
    if (fills.length === 0 && plan.sources.every((source) => source.parts(column).length === 0)) count = 0;
    else if (isRequired(column)) pages = this.#required(column, plan, runs, nest);
    else ({ definition, count, pages } = this.#optional(column, plan, runs, nest));
    let halves: Uint32Array = NO_VALUES;
    switch (leaf.type) {
      case PhysicalType.BYTE_ARRAY:
        if (!UNIQUE.has(column)) out.put(nest.levels, this.#texts(pages, fills, count, plan.sources.length), PACKED, definition);
        else out.put(nest.levels, this.#bytes(pages, count), RANDOM.has(column) ? Codec.UNCOMPRESSED : PACKED, definition);
        break;
      case PhysicalType.INT64:
        halves = this.#words(pages, count);
        if (TIMES.has(column)) out.times(nest.levels, halves, count);
        else out.int64(nest.levels, halves, count, leaf.element.logicalType?.kind === 'integer' && !leaf.element.logicalType.isSigned, definition);
        break;
      case PhysicalType.DOUBLE: {
        const words = this.#words(pages, count);
        out.put(nest.levels, new DoubleValues(new Float64Array(words.buffer, words.byteOffset, count)), PACKED, definition);
        break;
      }
      case PhysicalType.INT32:
        out.int32(nest.levels, this.#ints(pages, fills, count));
        break;
      default:
        out.put(nest.levels, new BooleanValues(this.#bools(pages, fills, count)), PACKED, definition);
    }
    out.scratch.release(mark);
    return halves;
  }

  /** Pieces of a column that has a value in every element of its list. */
  #required(column: number, plan: MergePlan, runs: readonly Uint32Array[], { runValues }: MergedNest): PagePieces[] {
    const pages: PagePieces[] = [];
    for (let s = 0; s < runs.length; s++) {
      const source = plan.sources[s];
      const { rowSlots, rowValues } = source.nests[NEST_OF[column]];
      const own = runs[s];
      let next = 0;
      for (const { reader, fromRow, toRow } of source.parts(column)) {
        const entries = rowSlots[toRow] - rowSlots[fromRow];
        if (reader.entries !== entries) reader.fail(`${reader.entries} entries in rows ${fromRow} to ${toRow}, ${entries} are due,`);
        const base = rowValues[fromRow];
        if (reader.present() !== rowValues[toRow] - base)
          reader.fail(`${reader.present()} values in rows ${fromRow} to ${toRow}, ${rowValues[toRow] - base} are due,`);
        const first = this.#pieces.count;
        while (next < own.length && plan.to[own[next]] <= fromRow) next++;
        for (let i = next; i < own.length && plan.from[own[i]] < toRow; i++) {
          const run = own[i];
          const from = Math.max(plan.from[run], fromRow);
          const to = Math.min(plan.to[run], toRow);
          this.#piece(rowValues[from] - base, rowValues[to] - base, runValues[run] + rowValues[from] - rowValues[plan.from[run]]);
        }
        pages.push({ source: s, reader, first, end: this.#pieces.count });
      }
    }
    return pages;
  }

  /** Definition levels and pieces of a column that not every element of its list has a value of. */
  #optional(
    column: number,
    plan: MergePlan,
    runs: readonly Uint32Array[],
    { runSlots }: MergedNest,
  ): { readonly definition: Uint8Array | number; readonly count: number; readonly pages: PagePieces[] } {
    const pages: PagePieces[] = [];
    const max = LEAVES[column].maxDefinition;
    const definition = this.#out.scratch.u8(runSlots[plan.runCount]);
    const values = this.#out.scratch.zeros(plan.runCount);
    const pieces = this.#pieces;
    /** Of all entries so far; -1 when they differ. */
    let constant: number | undefined;
    for (let s = 0; s < runs.length; s++) {
      const source = plan.sources[s];
      const nest = source.nests[NEST_OF[column]];
      const own = runs[s];
      const parts = source.parts(column);
      // Without a value the levels are those of the element it is missing from.
      if (parts.length === 0 && own.length > 0) constant = inCommon(constant, nest.definition.constant);
      if (parts.length === 0)
        for (const run of own) copyLevels(nest.definition, nest.rowSlots[plan.from[run]], nest.rowSlots[plan.to[run]], definition, runSlots[run]);
      let next = 0;
      for (const { reader, fromRow, toRow } of parts) {
        const base = nest.rowSlots[fromRow];
        const entries = nest.rowSlots[toRow] - base;
        if (reader.entries !== entries) reader.fail(`${reader.entries} entries in rows ${fromRow} to ${toRow}, ${entries} are due,`);
        const found = reader.definition();
        constant = inCommon(constant, found.constant);
        const first = pieces.count;
        let slot = 0;
        let value = 0;
        while (next < own.length && plan.to[own[next]] <= fromRow) next++;
        for (let i = next; i < own.length && plan.from[own[i]] < toRow; i++) {
          const run = own[i];
          const from = nest.rowSlots[Math.max(plan.from[run], fromRow)] - base;
          const to = nest.rowSlots[Math.min(plan.to[run], toRow)] - base;
          copyLevels(found, from, to, definition, runSlots[run] + base + from - nest.rowSlots[plan.from[run]]);
          value += valuesIn(found, max, slot, from);
          const n = valuesIn(found, max, from, to);
          // Where they go is known when all runs are counted: until then the run, and its values before these.
          this.#piece(value, value + n, run);
          values[run] += n;
          value += n;
          slot = to;
        }
        pages.push({ source: s, reader, first, end: pieces.count });
      }
    }
    let count = 0;
    for (let run = 0; run < plan.runCount; run++) {
      const n = values[run];
      values[run] = count;
      count += n;
    }
    for (let i = 0; i < pieces.count; i++) {
      const run = pieces.at[i];
      pieces.at[i] = values[run];
      values[run] += pieces.to[i] - pieces.from[i];
    }
    return { definition: constant !== undefined && constant >= 0 ? constant : definition, count, pages };
  }

  #piece(from: number, to: number, at: number): void {
    const pieces = this.#pieces;
    if (pieces.count === pieces.from.length) {
      pieces.from = grown(pieces.from);
      pieces.to = grown(pieces.to);
      pieces.at = grown(pieces.at);
    }
    const i = pieces.count++;
    pieces.from[i] = from;
    pieces.to[i] = to;
    pieces.at[i] = at;
  }

  #texts(pages: readonly PagePieces[], fills: readonly Fill[], count: number, sources: number): DictionaryValues {
    const dictionary = this.#dictionary;
    dictionary.begin();
    const { scratch } = this.#out;
    const ids = scratch.u32(count);
    /** Number + 1 of each string of the dictionary of a source. */
    const numbers = new Array<Uint32Array | undefined>(sources).fill(undefined);
    for (const { from, to, value } of fills) ids.fill(dictionary.number(value, 0, value.length), from, to);
    for (const { source, reader, first, end } of pages) {
      const values = reader.values();
      if (values.kind === 'dictionary')
        this.#renumber(values.ids, values.dictionary, (numbers[source] ??= scratch.zeros(values.dictionary.size)), first, end, ids);
      else if (values.kind === 'bytes') this.#number(values.bytes, values.ends, first, end, ids);
      else reader.fail('no byte strings');
    }
    return new DictionaryValues(PhysicalType.BYTE_ARRAY, ids, new BytesDictionary(dictionary.entries, dictionary.strings));
  }

  #renumber(ids: Uint32Array, { bytes, ends }: ByteDictionary, numbers: Uint32Array, first: number, end: number, out: Uint32Array): void {
    const { from, to, at } = this.#pieces;
    for (let p = first; p < end; p++) {
      for (let i = from[p], stop = to[p], o = at[p]; i < stop; i++, o++) {
        const id = ids[i];
        let number = numbers[id];
        if (number === 0) {
          number = this.#dictionary.number(bytes, id === 0 ? 0 : ends[id - 1], ends[id]) + 1;
          numbers[id] = number;
        }
        out[o] = number - 1;
      }
    }
  }

  #number(bytes: Uint8Array, ends: Uint32Array, first: number, end: number, out: Uint32Array): void {
    const { from, to, at } = this.#pieces;
    let empty = -1;
    for (let p = first; p < end; p++) {
      for (let i = from[p], stop = to[p], o = at[p]; i < stop; i++, o++) {
        const start = i === 0 ? 0 : ends[i - 1];
        // Most of these columns are nearly all empty.
        if (ends[i] > start) out[o] = this.#dictionary.number(bytes, start, ends[i]);
        else out[o] = empty < 0 ? (empty = this.#dictionary.number(bytes, 0, 0)) : empty;
      }
    }
  }

  #bytes(pages: readonly PagePieces[], count: number): BytesValues {
    const { from, to, at } = this.#pieces;
    const ends = this.#out.scratch.u32(count);
    // Lengths first, in their places; then the ends are known.
    for (const { reader, first, end } of pages) {
      const source = bytesOf(reader);
      for (let p = first; p < end; p++)
        for (let i = from[p], stop = to[p], o = at[p]; i < stop; i++, o++) ends[o] = source.ends[i] - (i === 0 ? 0 : source.ends[i - 1]);
    }
    let size = 0;
    for (let i = 0; i < count; i++) ends[i] = size += ends[i];
    const data = this.#out.scratch.u8(size);
    for (const { reader, first, end } of pages) {
      const source = bytesOf(reader);
      for (let p = first; p < end; p++) {
        if (from[p] === to[p]) continue;
        const start = from[p] === 0 ? 0 : source.ends[from[p] - 1];
        const stop = source.ends[to[p] - 1];
        const target = at[p] === 0 ? 0 : ends[at[p] - 1];
        if (stop - start > 64) data.set(source.bytes.subarray(start, stop), target);
        else for (let i = start, o = target; i < stop; i++, o++) data[o] = source.bytes[i];
      }
    }
    return new BytesValues(data, ends);
  }

  /** 64-bit values as halves. */
  #words(pages: readonly PagePieces[], count: number): Uint32Array {
    const { from, to, at } = this.#pieces;
    const out = this.#out.scratch.u32(count * 2);
    for (const { reader, first, end } of pages) {
      const words = wordsOf(reader);
      for (let p = first; p < end; p++) copyWords(words, from[p] * 2, to[p] * 2, out, at[p] * 2);
    }
    return out;
  }

  #ints(pages: readonly PagePieces[], fills: readonly Fill[], count: number): Int32Array {
    const { from, to, at } = this.#pieces;
    const out = this.#out.scratch.i32(count);
    for (const fill of fills) out.fill(new DataView(fill.value.buffer, fill.value.byteOffset).getInt32(0, true), fill.from, fill.to);
    for (const { reader, first, end } of pages) {
      const i32 = intsOf(reader);
      for (let p = first; p < end; p++) for (let i = from[p], stop = to[p], o = at[p]; i < stop; i++, o++) out[o] = i32[i];
    }
    return out;
  }

  #bools(pages: readonly PagePieces[], fills: readonly Fill[], count: number): Uint8Array {
    const { from, to, at } = this.#pieces;
    const out = this.#out.scratch.u8(count);
    for (const fill of fills) out.fill(fill.value[0], fill.from, fill.to);
    for (const { reader, first, end } of pages) {
      const u8 = boolsOf(reader);
      for (let p = first; p < end; p++) for (let i = from[p], stop = to[p], o = at[p]; i < stop; i++, o++) out[o] = u8[i];
    }
    return out;
  }
}

/** What sources give whose values are all the same. */
function constantRuns(column: number, plan: MergePlan, runs: readonly Uint32Array[], { runValues }: MergedNest): Fill[] {
  const fills: Fill[] = [];
  for (let s = 0; s < runs.length; s++) {
    const value = plan.sources[s].constant(column);
    if (value === undefined) continue;
    for (const run of runs[s]) if (runValues[run] < runValues[run + 1]) fills.push({ from: runValues[run], to: runValues[run + 1], value });
  }
  return fills;
}

function copyWords(words: Uint32Array, from: number, to: number, out: Uint32Array, at: number): void {
  if (to - from > 64) out.set(words.subarray(from, to), at);
  else for (let i = from, o = at; i < to; i++, o++) out[o] = words[i];
}

function wordsOf(reader: ColumnReader): Uint32Array {
  const values = reader.values();
  if (values.kind === 'i64') return values.u32;
  if (values.kind === 'f64') return new Uint32Array(values.f64.buffer, values.f64.byteOffset, values.length * 2);
  return reader.fail('no 64-bit values');
}

function intsOf(reader: ColumnReader): Int32Array {
  const values = reader.values();
  return values.kind === 'i32' ? values.i32 : reader.fail('no 32-bit integers');
}

function boolsOf(reader: ColumnReader): Uint8Array {
  const values = reader.values();
  return values.kind === 'bool' ? values.u8 : reader.fail('no booleans');
}

function bytesOf(reader: ColumnReader): { readonly bytes: Uint8Array; readonly ends: Uint32Array } {
  const values: DecodedValues = reader.values();
  if (values.kind === 'bytes') return values;
  return values.kind === 'dictionary' ? expanded(values.ids, values.dictionary) : reader.fail('no byte strings');
}

/** The strings themselves, where another writer used a dictionary. */
function expanded(ids: Uint32Array, dictionary: ByteDictionary): { readonly bytes: Uint8Array; readonly ends: Uint32Array } {
  const ends = new Uint32Array(ids.length);
  let size = 0;
  for (let i = 0; i < ids.length; i++) ends[i] = size += dictionary.byteLength(ids[i]);
  const bytes = new Uint8Array(size);
  for (let i = 0, at = 0; i < ids.length; i++) at += dictionary.copyTo(ids[i], bytes, at);
  return { bytes, ends };
}

/** How many of the entries `[from, to)` have a value. */
function valuesIn({ constant, each }: ReturnType<ColumnReader['definition']>, max: number, from: number, to: number): number {
  if (constant >= 0) return constant === max ? to - from : 0;
  return countLevel(each, max, max, from, to);
}

function inCommon(before: number | undefined, constant: number): number {
  return before === undefined || before === constant ? constant : -1;
}
