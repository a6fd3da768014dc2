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
import { LevelScan } from './level-scan.ts';
import { splitPages } from './pages.ts';
import { releaseMemory } from './release-memory.ts';
import { sliceValues } from './slice-values.ts';
import type { ChunkPages, DataPage, Dictionary, PageContext, Section } from './pages.ts';
import { allocateNumbers, copyPlainNumbers, gatherNumbers, rawBytes, valueWidth } from './plain.ts';
import type { NumberValues } from './plain.ts';
import type { ReadLeaf } from './schema-leaves.ts';

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
  /** Set while values are copied: what is given back after that. */
  #inflated: Uint8Array[] | undefined;

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
    return this.failure()(problem);
  }

  /** `fail` without the reader, whose pages it would keep. */
  failure(): (problem: string) => never {
    const { name } = this.#options;
    const { path } = this.leaf;
    const offset = this.#offset;
    return (problem) => {
      throw corrupt(name, offset, `column ${path}: ${problem}`);
    };
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

  /** The repetition levels to walk over, without decoding all of them. */
  scanRepetition(): LevelScan {
    return this.#scan(this.leaf.maxRepetition, (page) => page.repetition);
  }

  scanDefinition(): LevelScan {
    return this.#scan(this.leaf.maxDefinition, (page) => page.definition);
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
   * A copy of the values `[from, to)`, which borrows nothing but dictionaries. Of a reader with one page, which is what reading a row takes, only they are
   * decoded, as far as the encoding allows.
   */
  copyValues(from: number, to: number): DecodedValues {
    if (from === to) return noValues(this.leaf, this.#cursor(NOTHING));
    if (this.#values !== undefined || this.#pages.length !== 1) return sliceValues(this.values(), from, to);
    const inflated: Uint8Array[] = (this.#inflated = []);
    try {
      return this.#copyOfPage(this.#pages[0], from, to) ?? sliceValues(this.values(), from, to);
    } finally {
      this.#inflated = undefined;
      this.release();
      releaseMemory(...inflated);
    }
  }

  /**
   * Gives back, now and not when garbage is collected, the memory of what was decoded. Nothing that was handed out may be used any more, except dictionaries;
   * the reader may.
   */
  release(): void {
    for (const levels of [this.#repetition, this.#definition]) if (levels) releaseMemory(levels.each);
    const values = this.#values;
    if (values?.kind === 'dictionary') releaseMemory(values.ids);
    else if (values?.kind === 'i64') releaseMemory(values.u32);
    else if (values?.kind === 'f64') releaseMemory(values.f64);
    else if (values?.kind === 'i32') releaseMemory(values.i32);
    else if (values?.kind === 'bool') releaseMemory(values.u8);
    else if (values?.kind === 'bytes') releaseMemory(values.ends);
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

  #scan(max: number, section: (page: DataPage) => Section): LevelScan {
    return new LevelScan(
      this.#pages.map((page) => ({ cursor: this.#cursor(section(page)), entries: page.entries })),
      32 - Math.clz32(max),
    );
  }

  /** Values of a page that need not be decoded whole; undefined when they must be. */
  #copyOfPage(page: DataPage, from: number, to: number): DecodedValues | undefined {
    const { dictionary } = this;
    const length = to - from;
    if (isDictionaryEncoding(page.encoding) && dictionary !== undefined) {
      const ids = new Uint32Array(length);
      const isText = dictionary instanceof ByteDictionary;
      this.#decodeIds(page, from, length, isText ? dictionary.size : dictionary.length, ids, 0);
      if (isText) return { kind: 'dictionary', length, ids, dictionary };
      const values = allocateNumbers(this.#cursor(page.values), this.leaf, length);
      gatherNumbers(dictionary, ids, values, 0);
      return values;
    }
    if (page.encoding !== Encoding.DELTA_BINARY_PACKED) return undefined;
    const is64 = this.leaf.type === PhysicalType.INT64;
    const words = scratchWords(is64 ? 2 * to : to);
    if (is64) {
      decodeDelta64(this.#valueCursor(page), to, words, 0, this.#presentOf(0));
      return { kind: 'i64', length, u32: words.slice(2 * from, 2 * to) };
    }
    const i32 = new Int32Array(words.buffer, words.byteOffset, to);
    decodeDelta32(this.#valueCursor(page), to, i32, 0, this.#presentOf(0));
    return { kind: 'i32', length, i32: i32.slice(from, to) };
  }

  #levels(max: number, section: (page: DataPage) => Section): DecodedLevels {
    const count = this.entries;
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
      decodeLevels(this.#cursor(section(page)), width, page.entries, each, at);
      at += page.entries;
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
    const inflated = decompress(this.#options.codec, bytes, page.valuesSize, this.#options.name, offset);
    if (inflated !== bytes) this.#inflated?.push(inflated);
    return new ByteCursor(inflated, this.#options.name, offset);
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
const NOTHING: Section = { bytes: NO_LEVELS, offset: 0 };
/** More is not kept. */
const MAX_SCRATCH = 1 << 18;
let scratch = new Uint32Array(1 << 12);

/** Room for so many words, valid until the next call. */
function scratchWords(count: number): Uint32Array {
  if (count > MAX_SCRATCH) return new Uint32Array(count);
  if (count > scratch.length) scratch = new Uint32Array(Math.min(2 * count, MAX_SCRATCH));
  return scratch;
}

function noValues(leaf: ReadLeaf, cursor: ByteCursor): DecodedValues {
  return leaf.type === PhysicalType.BYTE_ARRAY ? { kind: 'bytes', length: 0, bytes: NO_LEVELS, ends: new Uint32Array(0) } : allocateNumbers(cursor, leaf, 0);
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
function countPresent({ constant, each }: DecodedLevels, max: number, from: number, to: number): number {
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
