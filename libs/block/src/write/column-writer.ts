import { BytesDictionary, BytesValues, Codec, DictionaryBuilder, DictionaryValues, Int32Dictionary, Int32Values, PhysicalType } from '@vivace/parquet';
import type { ColumnValues, Levels, ParquetWriter } from '@vivace/parquet';
import type { StringDictionary } from '@vivace/trace';
import { int64Values } from './int64-values.ts';

/** zstd everywhere but on random bytes: smaller and faster than the snappy Tempo writes, and its reader takes both (docs/format/block.md). */
export const PACKED = Codec.ZSTD;

/**
 * Puts columns of table values into a row group, in leaf order. Picks encodings: strings by dictionary, integers by dictionary when few
 * differ, else as deltas. Arrays passed in are scratch: they may be overwritten.
 */
export class ColumnWriter {
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
    const ends = new Uint32Array(n);
    let count = 0;
    let size = 0;
    for (let i = 0; i < n; i++) {
      if (ids[i] === 0) continue;
      size += strings.byteLength(ids[i] - 1);
      ends[count++] = size;
    }
    const data = new Uint8Array(size);
    for (let i = 0, at = 0; i < n; i++) if (ids[i] !== 0) at += strings.copyTo(ids[i] - 1, data, at);
    this.put(levels, new BytesValues(data, ends), PACKED, levels.optional(ids, count));
  }

  int32(levels: Levels, values: Int32Array): void {
    this.put(levels, this.#int32(values));
  }

  /** Halves of `n` int64. */
  int64(levels: Levels, halves: Uint32Array, n: number, unsigned: boolean): void {
    this.put(levels, int64Values(halves, n, unsigned));
  }

  /** Optional int64, `isSet[i]` non-zero where element `i` has the next of `n` values. */
  optionalInt64(levels: Levels, isSet: Uint32Array, halves: Uint32Array, n: number): void {
    this.put(levels, int64Values(halves, n, false), PACKED, levels.optional(isSet, n));
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

  #dict(): StringDictionary {
    if (!this.#strings) throw new Error('begin() sets the dictionary');
    return this.#strings;
  }
}
