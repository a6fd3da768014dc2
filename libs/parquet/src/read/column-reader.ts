import { Encoding, PhysicalType } from '../format.ts';
import { ByteCursor } from './byte-cursor.ts';
import type { ByteArrays } from './byte-arrays.ts';
import { decodeDeltaByteArrays, decodeDeltaLengthByteArrays, decodePlainByteArrays, joinByteArrays } from './byte-arrays.ts';
import { ByteDictionary } from './byte-dictionary.ts';
import { decompress, MAX_PAGE_BYTES } from './codec.ts';
import { corrupt } from './corrupt.ts';
import { decodeDelta32, decodeDelta64 } from './delta.ts';
import { anyAbove, countLevel } from './count-level.ts';
import { constantRun, decodeIds, decodeLevels } from './hybrid.ts';
import { splitPages } from './pages.ts';
import { sliceValues } from './slice-values.ts';
import type { ChunkPages, DataPage, Dictionary, PageContext, Section } from './pages.ts';
import { allocateNumbers, copyPlainNumbers, gatherNumbers, rawBytes, valueWidth } from './plain.ts';
import type { NumberValues } from './plain.ts';

/** DecodedLevels of all entries of a column. */
export interface DecodedLevels {
  readonly count: number;
  /** The level of every entry when they are equal (the usual case of columns nobody fills), else -1. */
  readonly constant: number;
  /** One level an entry; empty when `constant` is not -1. */
  readonly each: Uint8Array;
}

/** Values of a column, dense: nulls take no place. Strings stay ids of the file's dictionary, or bytes when it has none. */
export type DecodedValues =
  | NumberValues
  | { readonly kind: 'dictionary'; readonly length: number; readonly ids: Uint32Array; readonly dictionary: ByteDictionary }
  | { readonly kind: 'bytes'; readonly length: number; readonly bytes: Uint8Array; readonly ends: Uint32Array };

export interface ColumnReaderOptions extends PageContext {
  /** The chunk, or its dictionary page and the data pages wanted. Borrowed until everything needed is decoded. */
  readonly sections: readonly Section[];
  /** A dictionary parsed before, when the sections do not hold it. */
  readonly dictionary?: Dictionary | undefined;
  /** Entries of the whole chunk. */
  readonly entries: number;
  /** The sections hold only some of the chunk's pages. */
  readonly partial: boolean;
}

/**
 * Pages of one column chunk, decoded on demand and once: levels apart from values, because many readers need only one of them.
 * All methods are synchronous and throw `data_loss` with object and offset when the bytes do not add up.
 */
export class ColumnReader {
  readonly leaf: PageContext['leaf'];
  readonly #options: ColumnReaderOptions;
  readonly #offset: number;
  #chunk: ChunkPages | undefined;
  #repetition: DecodedLevels | undefined;
  #definition: DecodedLevels | undefined;
  #values: DecodedValues | undefined;

  constructor(options: ColumnReaderOptions) {
    this.leaf = options.leaf;
    this.#options = options;
    this.#offset = options.sections[0]?.offset ?? 0;
  }

  /** Entries: values and nulls. */
  get entries(): number {
    return this.#options.partial ? countEntries(this.#pages) : this.#options.entries;
  }

  get dictionary(): Dictionary | undefined {
    return this.#split().dictionary ?? this.#options.dictionary;
  }

  /** Throws `data_loss`: what the column holds does not fit what others say of it. */
  fail(problem: string): never {
    throw corrupt(this.#options.name, this.#offset, `column ${this.leaf.path}: ${problem}`);
  }

  repetition(): DecodedLevels {
    this.#repetition ??= this.#levels(this.leaf.maxRepetition, (page) => page.repetition);
    return this.#repetition;
  }

  definition(): DecodedLevels {
    if (this.#definition === undefined) {
      const levels = this.#levels(this.leaf.maxDefinition, (page) => page.definition);
      this.#checkPresent(levels);
      this.#definition = levels;
    }
    return this.#definition;
  }

  /** Definition levels of the first `count` entries. Of a reader with one page, those behind are not decoded. */
  definitionUpTo(count: number): DecodedLevels {
    if (this.#definition !== undefined || this.#pages.length !== 1 || count >= this.entries) return this.definition();
    const max = this.leaf.maxDefinition;
    const levels = this.#levels(max, (page) => page.definition, count);
    if (anyAbove(levels.each, max)) this.fail(`definition level above ${max}`);
    return levels;
  }

  /** Number of values that are not null. Comes from page headers where they tell it. */
  present(): number {
    let present = 0;
    for (const page of this.#pages) {
      if (page.present < 0) return this.#countPresent();
      present += page.present;
    }
    return present;
  }

  values(): DecodedValues {
    this.#values ??= this.#decodeValues();
    return this.#values;
  }

  /** INT64 or INT32 values modulo 2^32: for columns of small numbers at half the work. Not kept. */
  lowWords(): Int32Array {
    const out = new Int32Array(this.present());
    let at = 0;
    for (let i = 0; i < this.#pages.length; i++) {
      const page = this.#pages[i];
      const count = this.#presentOf(i);
      if (page.encoding === Encoding.DELTA_BINARY_PACKED) decodeDelta32(this.#valueCursor(page), count, out, at);
      else if (isDictionaryEncoding(page.encoding)) this.#gatherLowWords(page, count, out, at);
      else return lowWordsOf(this.values());
      at += count;
    }
    return out;
  }

  /**
   * The values `[from, to)` alone. Of a reader with one page, which is what reading a row takes, only they are decoded, as far as the
   * encoding allows.
   */
  valuesRange(from: number, to: number): DecodedValues {
    const [page, ...more] = this.#pages;
    if (this.#values !== undefined || page === undefined || more.length > 0) return sliceValues(this.values(), from, to);
    const length = to - from;
    if (isDictionaryEncoding(page.encoding) && this.dictionary instanceof ByteDictionary) {
      const ids = new Uint32Array(length);
      this.#decodeIds(page, from, length, this.dictionary.size, ids, 0);
      return { kind: 'dictionary', length, ids, dictionary: this.dictionary };
    }
    if (isDictionaryEncoding(page.encoding) && this.dictionary !== undefined && !(this.dictionary instanceof ByteDictionary)) {
      const ids = new Uint32Array(length);
      this.#decodeIds(page, from, length, this.dictionary.length, ids, 0);
      const values = allocateNumbers(this.#cursor(page.values), this.leaf, length);
      gatherNumbers(this.dictionary, ids, values, 0);
      return values;
    }
    if (page.encoding === Encoding.DELTA_BINARY_PACKED && this.leaf.type === PhysicalType.INT64) {
      const u32 = new Uint32Array(2 * to);
      decodeDelta64(this.#valueCursor(page), to, u32, 0, this.#presentOf(0));
      return sliceValues({ kind: 'i64', length: to, u32 }, from, to);
    }
    if (page.encoding === Encoding.DELTA_BINARY_PACKED && this.leaf.type === PhysicalType.INT32) {
      const i32 = new Int32Array(to);
      decodeDelta32(this.#valueCursor(page), to, i32, 0, this.#presentOf(0));
      return sliceValues({ kind: 'i32', length: to, i32 }, from, to);
    }
    return sliceValues(this.values(), from, to);
  }

  /**
   * Gives back, now and not when garbage is collected, the memory of what was decoded. Nothing that was handed out may be used any more, except dictionaries;
   * the reader may.
   */
  release(): void {
    for (const levels of [this.#repetition, this.#definition]) if (levels) giveBack(levels.each);
    const values = this.#values;
    if (values?.kind === 'dictionary') giveBack(values.ids);
    else if (values?.kind === 'i64') giveBack(values.u32);
    else if (values?.kind === 'f64') giveBack(values.f64);
    else if (values?.kind === 'bool') giveBack(values.u8);
    this.#repetition = this.#definition = this.#values = undefined;
  }

  /** Whether `other` has the same repetition levels, by its bytes: then its rows begin at the same entries. */
  sharesRepetition(other: ColumnReader): boolean {
    if (this.leaf.maxRepetition !== other.leaf.maxRepetition || this.#pages.length !== other.#pages.length) return false;
    return this.#pages.every((page, i) => page.entries === other.#pages[i].entries && equalSections(page.repetition.bytes, other.#pages[i].repetition.bytes));
  }

  get #pages(): readonly DataPage[] {
    return this.#split().pages;
  }

  #split(): ChunkPages {
    if (this.#chunk === undefined) {
      const { sections, entries, partial } = this.#options;
      const chunk = splitPages(this.#options, sections);
      const found = countEntries(chunk.pages);
      if (partial ? found > entries : found !== entries) this.fail(`pages hold ${found} entries, ${entries} are due,`);
      this.#chunk = chunk;
    }
    return this.#chunk;
  }

  #levels(max: number, section: (page: DataPage) => Section, count = this.entries): DecodedLevels {
    if (max === 0) return { count, constant: 0, each: NO_LEVELS };
    const width = 32 - Math.clz32(max);
    let constant = -2;
    for (const page of this.#pages) {
      if (page.entries === 0) continue;
      const level = constantRun(this.#cursor(section(page)), width, page.entries);
      if (level < 0 || (constant !== -2 && constant !== level)) {
        constant = -1;
        break;
      }
      constant = level;
    }
    if (constant > max) this.fail(`level ${constant} above ${max}`);
    if (constant !== -1) return { count, constant: Math.max(constant, 0), each: NO_LEVELS };
    const each = new Uint8Array(count);
    let at = 0;
    for (const page of this.#pages) {
      const wanted = Math.min(page.entries, count - at);
      decodeLevels(this.#cursor(section(page)), width, wanted, each, at);
      at += wanted;
    }
    return { count, constant: -1, each };
  }

  /** What page headers say of nulls must agree with the levels, or values would be given to the wrong rows. No level may be above the highest. */
  #checkPresent(levels: DecodedLevels): void {
    const max = this.leaf.maxDefinition;
    const { constant, each } = levels;
    if (constant >= 0 && this.#pages.every((page) => page.present < 0)) return;
    let at = 0;
    for (const page of this.#pages) {
      const to = at + page.entries;
      if (anyAbove(each, max, Math.min(at, each.length), Math.min(to, each.length)))
        throw corrupt(this.#options.name, page.offset, `page with definition levels above ${max}`);
      const present = page.present < 0 ? page.present : countPresent(levels, max, at, to);
      if (present !== page.present) throw corrupt(this.#options.name, page.offset, `page announces ${page.present} values, its levels ${present},`);
      at = to;
    }
  }

  #countPresent(from = 0, to = this.entries): number {
    return countPresent(this.definition(), this.leaf.maxDefinition, from, to);
  }

  #gatherLowWords(page: DataPage, count: number, out: Int32Array, at: number): void {
    const { dictionary } = this;
    if (dictionary === undefined || (!('i32' in dictionary) && !('u32' in dictionary)))
      throw corrupt(this.#options.name, page.offset, 'dictionary of integers is missing');
    const words = lowWordsOf(dictionary);
    const ids = new Uint32Array(count);
    this.#decodeIds(page, 0, count, dictionary.length, ids, 0);
    for (let i = 0; i < count; i++) out[at + i] = words[ids[i]];
  }

  #presentOf(index: number): number {
    const page = this.#pages[index];
    if (page.present >= 0) return page.present;
    let at = 0;
    for (let i = 0; i < index; i++) at += this.#pages[i].entries;
    return this.#countPresent(at, at + page.entries);
  }

  #cursor(section: Section): ByteCursor {
    return new ByteCursor(section.bytes, this.#options.name, section.offset);
  }

  #valueCursor(page: DataPage): ByteCursor {
    const { bytes, offset } = page.values;
    if (page.valuesSize < 0) return this.#cursor(page.values);
    return new ByteCursor(decompress(this.#options.codec, bytes, page.valuesSize, this.#options.name, offset), this.#options.name, offset);
  }

  #decodeValues(): DecodedValues {
    return this.leaf.type === PhysicalType.BYTE_ARRAY ? this.#decodeByteArrays() : this.#decodeNumbers();
  }

  #decodeByteArrays(): DecodedValues {
    const length = this.present();
    const { dictionary } = this;
    if (this.#pages.every((page) => isDictionaryEncoding(page.encoding)) && dictionary instanceof ByteDictionary) {
      const ids = new Uint32Array(length);
      let at = 0;
      for (let i = 0; i < this.#pages.length; i++) {
        const count = this.#presentOf(i);
        this.#decodeIds(this.#pages[i], 0, count, dictionary.size, ids, at);
        at += count;
      }
      return { kind: 'dictionary', length, ids, dictionary };
    }
    const parts: ByteArrays[] = this.#pages.map((page, i) => this.#byteArraysOf(page, this.#presentOf(i)));
    return { kind: 'bytes', length, ...joinByteArrays(parts) };
  }

  #byteArraysOf(page: DataPage, count: number): ByteArrays {
    if (isDictionaryEncoding(page.encoding)) {
      // A chunk that fell back from its dictionary: rare, and no writer of traces does it.
      const { dictionary } = this;
      if (!(dictionary instanceof ByteDictionary)) throw corrupt(this.#options.name, page.offset, 'dictionary page is missing');
      const ids = new Uint32Array(count);
      this.#decodeIds(page, 0, count, dictionary.size, ids, 0);
      return expandIds(dictionary, ids, this.#cursor(page.values));
    }
    const cursor = this.#valueCursor(page);
    switch (page.encoding) {
      case Encoding.PLAIN:
        return decodePlainByteArrays(cursor, count);
      case Encoding.DELTA_LENGTH_BYTE_ARRAY:
        return decodeDeltaLengthByteArrays(cursor, count);
      case Encoding.DELTA_BYTE_ARRAY:
        return decodeDeltaByteArrays(cursor, count, MAX_PAGE_BYTES);
      default:
        return cursor.fail(`encoding ${page.encoding} of byte arrays is not supported`);
    }
  }

  #decodeNumbers(): DecodedValues {
    const length = this.present();
    const values = allocateNumbers(new ByteCursor(NO_LEVELS, this.#options.name, this.#pages[0]?.offset ?? 0), this.leaf, length);
    let at = 0;
    for (let i = 0; i < this.#pages.length; i++) {
      const page = this.#pages[i];
      const count = this.#presentOf(i);
      this.#decodeNumbersOf(page, count, values, at);
      at += count;
    }
    return values;
  }

  #decodeNumbersOf(page: DataPage, count: number, values: NumberValues, at: number): void {
    const { dictionary } = this;
    if (isDictionaryEncoding(page.encoding)) {
      if (dictionary === undefined || dictionary instanceof ByteDictionary) throw corrupt(this.#options.name, page.offset, 'dictionary page is missing');
      const ids = new Uint32Array(count);
      this.#decodeIds(page, 0, count, dictionary.length, ids, 0);
      gatherNumbers(dictionary, ids, values, at);
      return;
    }
    const cursor = this.#valueCursor(page);
    if (page.encoding === Encoding.PLAIN) copyPlainNumbers(cursor, values, at, count);
    else if (page.encoding === Encoding.DELTA_BINARY_PACKED && values.kind === 'i32') decodeDelta32(cursor, count, values.i32, at);
    else if (page.encoding === Encoding.DELTA_BINARY_PACKED && values.kind === 'i64') decodeDelta64(cursor, count, values.u32, at);
    else if (page.encoding === Encoding.RLE && values.kind === 'bool') {
      // Booleans as RLE carry the byte length of the runs first.
      cursor.need(cursor.u32le());
      decodeLevels(cursor, 1, count, values.u8, at);
    } else if (page.encoding === Encoding.BYTE_STREAM_SPLIT && values.kind !== 'bool') {
      const width = valueWidth(cursor, this.leaf);
      const streams = cursor.take(count * width);
      const out = rawBytes(values);
      for (let b = 0; b < width; b++) for (let i = 0; i < count; i++) out[(at + i) * width + b] = streams[b * count + i];
    } else cursor.fail(`encoding ${page.encoding} of type ${this.leaf.type} is not supported`);
  }

  #decodeIds(page: DataPage, skip: number, count: number, size: number, out: Uint32Array, at: number): void {
    if (count === 0) return;
    const cursor = this.#valueCursor(page);
    const width = cursor.byte();
    if (width > 32) cursor.fail(`dictionary ids of ${width} bits`);
    decodeIds(cursor, width, skip, count, size, out, at);
  }
}

const NO_LEVELS = new Uint8Array(0);

/** Frees the memory of an array that nobody uses. */
function giveBack({ buffer }: Uint8Array | Uint32Array | Float64Array): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength > 0) buffer.transfer(0);
}

function countEntries(pages: readonly DataPage[]): number {
  let entries = 0;
  for (const page of pages) entries += page.entries;
  return entries;
}

function equalSections(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && Buffer.compare(a, b) === 0;
}

function isDictionaryEncoding(encoding: number): boolean {
  return encoding === Encoding.RLE_DICTIONARY || encoding === Encoding.PLAIN_DICTIONARY;
}

/** Entries with a value among `[from, to)`. */
export function countPresent({ constant, each }: DecodedLevels, max: number, from: number, to: number): number {
  if (constant >= 0) return constant === max ? to - from : 0;
  return countLevel(each, max, max, from, to);
}

function expandIds(dictionary: ByteDictionary, ids: Uint32Array, cursor: ByteCursor): ByteArrays {
  const ends = new Uint32Array(ids.length);
  let total = 0;
  for (let i = 0; i < ids.length; i++) {
    total += dictionary.byteLength(ids[i]);
    if (total > MAX_PAGE_BYTES) cursor.fail(`values of more than ${MAX_PAGE_BYTES} bytes in a page`);
    ends[i] = total;
  }
  const bytes = new Uint8Array(total);
  for (let i = 0, at = 0; i < ids.length; i++) at += dictionary.copyTo(ids[i], bytes, at);
  return { bytes, ends };
}

function lowWordsOf(values: DecodedValues): Int32Array {
  if (values.kind === 'i32') return values.i32;
  const out = new Int32Array(values.length);
  if (values.kind === 'i64') for (let i = 0; i < out.length; i++) out[i] = values.u32[2 * i] | 0;
  return out;
}
