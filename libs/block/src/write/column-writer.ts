import { BytesDictionary, BytesValues, Codec, DictionaryBuilder, DictionaryValues, Int32Dictionary, Int32Values, PhysicalType } from '@vivace/parquet';
import type { ColumnValues, Levels, ParquetWriter } from '@vivace/parquet';
import type { StringDictionary } from '@vivace/trace';
import { int64Values } from './int64-values.ts';
import { Scratch } from './scratch.ts';

/** zstd everywhere but on random bytes: smaller and faster than the snappy Tempo writes, and its reader takes both (docs/format/block.md). */
export const PACKED = Codec.ZSTD;

/**
 * Puts columns of table values into a row group, in leaf order. Picks encodings: strings by dictionary, integers by dictionary when few
 * differ, else as deltas. Id arrays passed in are overwritten; nothing is kept after a call.
 */
export class ColumnWriter {
  /** For the arrays of columns being put together. Each writer releases what it took. */
  readonly scratch = new Scratch();
  readonly #parquet: ParquetWriter;
  readonly #builder = new DictionaryBuilder();
  #strings: StringDictionary | undefined;
  #zeros = new Uint32Array(0);

  constructor(parquet: ParquetWriter) {
    this.#parquet = parquet;
  }

  /** The dictionary that string ids refer to from now on. */
  begin(strings: StringDictionary): void {
    this.#strings = strings;
  }

  put(levels: Levels, values: ColumnValues, codec: Codec = PACKED, definition: Uint8Array | number = levels.definition): void {
    this.#parquet.writeColumn({ slots: levels.slots, definition, values, codec });
  }

  /** Required strings: `n` string ids. */
  text(levels: Levels, ids: Uint32Array, n: number): void {
    this.put(levels, this.#dictionary(ids, n));
  }

  /** Required strings: the ids in `column` at `rows`. */
  textAt(levels: Levels, column: Uint32Array, rows: Uint32Array): void {
    const mark = this.scratch.mark();
    const ids = this.scratch.u32(rows.length);
    for (let i = 0; i < rows.length; i++) ids[i] = column[rows[i]];
    this.text(levels, ids, rows.length);
    this.scratch.release(mark);
  }

  /** Optional strings: id + 1 per element, 0 where there is none. */
  optionalText(levels: Levels, ids: Uint32Array, n: number): void {
    let count = 0;
    for (let i = 0; i < n; i++) count += ids[i] !== 0 ? 1 : 0;
    const definition = levels.optional(ids, count);
    let at = 0;
    for (let i = 0; i < n; i++) if (ids[i] !== 0) ids[at++] = ids[i] - 1;
    this.put(levels, this.#dictionary(ids, count), PACKED, definition);
  }

  /** Optional strings stored without dictionary: values rarely repeat. */
  optionalLongText(levels: Levels, ids: Uint32Array, n: number): void {
    const strings = this.#dict();
    const mark = this.scratch.mark();
    const ends = this.scratch.u32(n);
    let count = 0;
    let size = 0;
    for (let i = 0; i < n; i++) {
      if (ids[i] === 0) continue;
      size += strings.byteLength(ids[i] - 1);
      ends[count++] = size;
    }
    const data = this.scratch.u8(size);
    for (let i = 0, at = 0; i < n; i++) if (ids[i] !== 0) at += strings.copyTo(ids[i] - 1, data, at);
    this.put(levels, new BytesValues(data, ends), PACKED, levels.optional(ids, count));
    this.scratch.release(mark);
  }

  int32(levels: Levels, values: Int32Array): void {
    this.put(levels, this.#int32(values));
  }

  /** The values in `column` at `rows`. */
  int32At(levels: Levels, column: Int32Array, rows: Uint32Array): void {
    const mark = this.scratch.mark();
    const values = this.scratch.i32(rows.length);
    for (let i = 0; i < rows.length; i++) values[i] = column[rows[i]];
    this.int32(levels, values);
    this.scratch.release(mark);
  }

  /** Halves of `n` int64. */
  int64(levels: Levels, halves: Uint32Array, n: number, unsigned: boolean, definition: Uint8Array | number = levels.definition): void {
    const mark = this.scratch.mark();
    this.put(levels, int64Values(this.scratch, halves, n, unsigned), PACKED, definition);
    this.scratch.release(mark);
  }

  /** Halves of `n` times in no order: as deltas they are random bits, which no codec makes fewer and every reader would have to unpack. */
  times(levels: Levels, halves: Uint32Array, n: number): void {
    const mark = this.scratch.mark();
    const values = int64Values(this.scratch, halves, n, true);
    this.put(levels, values, values.dictionary ? PACKED : Codec.UNCOMPRESSED);
    this.scratch.release(mark);
  }

  /** The values in `column`, halves, at `rows`. */
  uint64At(levels: Levels, column: Uint32Array, rows: Uint32Array): void {
    const mark = this.scratch.mark();
    this.int64(levels, this.#halvesAt(column, rows), rows.length, true);
    this.scratch.release(mark);
  }

  /** As `uint64At`, for times. */
  timesAt(levels: Levels, column: Uint32Array, rows: Uint32Array): void {
    const mark = this.scratch.mark();
    this.times(levels, this.#halvesAt(column, rows), rows.length);
    this.scratch.release(mark);
  }

  /** The small numbers in `column` at `rows`, as int64. */
  enumAt(levels: Levels, column: Uint8Array, rows: Uint32Array): void {
    const mark = this.scratch.mark();
    const halves = this.scratch.zeros(rows.length * 2);
    for (let i = 0; i < rows.length; i++) halves[i * 2] = column[rows[i]];
    this.int64(levels, halves, rows.length, false);
    this.scratch.release(mark);
  }

  /** Optional int64, `isSet[i]` non-zero where element `i` has the next of `n` values. */
  optionalInt64(levels: Levels, isSet: Uint32Array, halves: Uint32Array, n: number): void {
    this.int64(levels, halves, n, false, levels.optional(isSet, n));
  }

  #dictionary(ids: Uint32Array, n: number): ColumnValues {
    const strings = this.#dict();
    const entries = this.#builder.densify(ids, n, strings.size);
    return new DictionaryValues(PhysicalType.BYTE_ARRAY, ids, new BytesDictionary(entries, strings));
  }

  #int32(values: Int32Array): ColumnValues {
    const first = values[0];
    for (let i = 1; i < values.length; i++) if (values[i] !== first) return new Int32Values(values);
    if (values.length === 0) return new Int32Values(values);
    if (this.#zeros.length < values.length) this.#zeros = new Uint32Array(values.length * 2);
    return new DictionaryValues(PhysicalType.INT32, this.#zeros, new Int32Dictionary(Int32Array.of(first)));
  }

  #halvesAt(column: Uint32Array, rows: Uint32Array): Uint32Array {
    const halves = this.scratch.u32(rows.length * 2);
    for (let i = 0; i < rows.length; i++) {
      halves[i * 2] = column[rows[i] * 2];
      halves[i * 2 + 1] = column[rows[i] * 2 + 1];
    }
    return halves;
  }

  #dict(): StringDictionary {
    if (!this.#strings) throw new Error('begin() sets the dictionary');
    return this.#strings;
  }
}
