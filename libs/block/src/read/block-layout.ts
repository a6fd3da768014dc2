import { AppError } from '@vivace/base';
import type { ObjectStore } from '@vivace/object-store';
import { chunkRange, chunkReader, fetchRanges, openParquet, parseOffsetIndex, PhysicalType } from '@vivace/parquet';
import type { ByteRange, ByteSource, ColumnChunk, ColumnReader, Dictionary, OffsetIndex, ParquetLayout, ReadLeaf, RowGroup, Section } from '@vivace/parquet';
import type { AttrScope } from '@vivace/trace';
import type { BlockMeta } from '../meta.ts';
import { isReadable } from '../meta.ts';
import { VPARQUET4 } from '../schema.ts';
import type { BlockCache } from './block-cache.ts';
import { ARRAY_FLAGS, COLUMN_COUNT, matchLeaves } from './columns.ts';
import { memoryOf } from './memory-of.ts';

/** A parsed footer and the file's leaves in the order of our schema. */
export interface BlockLayout {
  readonly file: ParquetLayout;
  readonly leaves: readonly ReadLeaf[];
}

/** Everything a reader of one block works with. */
export interface BlockFileAccess {
  /** `<tenant>/<block id>`. */
  readonly folder: string;
  readonly meta: BlockMeta;
  readonly store: ObjectStore;
  readonly source: ByteSource;
  readonly layout: BlockLayout;
  readonly cache: BlockCache;
  readonly checkCrc: boolean;
}

/** Footers take about this much more memory parsed than stored. */
const FOOTER_EXPANSION = 6;

export async function openLayout(source: ByteSource, meta: BlockMeta, cache: BlockCache, signal?: AbortSignal): Promise<BlockLayout> {
  if (!isReadable(meta)) throw new AppError('unimplemented', `${source.name}: unsupported block format "${meta.format}", want ${VPARQUET4}`);
  const cached = cache.footers.get(source.name);
  if (cached) return cached;
  const file = await openParquet(source, { footerSize: meta.footerSize, signal });
  const layout: BlockLayout = { file, leaves: matchLeaves(file) };
  cache.footers.set(source.name, layout, file.footerSize * FOOTER_EXPANSION);
  return layout;
}

/** `beforeRead` is called before every read. */
export function objectSource(store: ObjectStore, name: string, size: number, beforeRead?: () => void): ByteSource {
  return {
    name,
    size,
    read(offset, length, signal) {
      beforeRead?.();
      return store.getRange(name, offset, length, signal).catch(missingIsLoss);
    },
  };
}

/** Whoever asks for a trace and gets `not_found` believes that there is none. A file of a block that has a meta is there, or lost. */
export function missingIsLoss(reason: unknown): never {
  const { code, message } = AppError.from(reason);
  throw code === 'not_found' ? new AppError('data_loss', `${message}, but its block has a meta`, { cause: reason }) : reason;
}

/** An entry of a cache, besides key and value. */
const ENTRY_BYTES = 128;

/** One row group of an open block, column by column. Column numbers count in our schema. */
export class RowGroupAccess {
  readonly block: BlockFileAccess;
  readonly number: number;
  readonly group: RowGroup;
  /** Bytes read from the store through this object. */
  bytesRead = 0;

  constructor(block: BlockFileAccess, number: number) {
    const group = block.layout.file.meta.rowGroups[number];
    if (group === undefined) throw new AppError('invalid_argument', `${block.folder}: row group ${number} of ${block.layout.file.meta.rowGroups.length}`);
    this.block = block;
    this.number = number;
    this.group = group;
  }

  chunk(column: number): ColumnChunk {
    return this.group.columns[this.block.layout.leaves[column].index];
  }

  /** Whether the footer says that the column has no value in this row group, or is of flags of which none is set: then its bytes need not be read. */
  isEmpty(column: number): boolean {
    const { type, statistics } = this.chunk(column).meta;
    if (type === PhysicalType.BOOLEAN && ARRAY_FLAGS.has(column) && statistics?.maxValue?.[0] === 0) return true;
    return this.isNull(column);
  }

  /** Whether the footer says that the column has no value in this row group. */
  isNull(column: number): boolean {
    const { statistics, numValues } = this.chunk(column).meta;
    return this.block.layout.leaves[column].maxDefinition > 0 && statistics?.nullCount === numValues;
  }

  /** Throws `data_loss`: what the footer says of the column does not fit the rest. */
  fail(column: number, problem: string): never {
    const { source, layout } = this.block;
    throw new AppError('data_loss', `${source.name}: column ${layout.leaves[column].path} ${problem} at offset ${this.chunkRange(column).offset}`);
  }

  async fetch(ranges: readonly ByteRange[], signal?: AbortSignal): Promise<Section[]> {
    for (const range of ranges) this.bytesRead += range.length;
    return fetchRanges(this.block.source, ranges, signal);
  }

  /** A column from its bytes: all of the chunk, or (`partial`) some of its pages. */
  reader(column: number, sections: readonly Section[], options: { dictionary?: Dictionary | undefined; partial?: boolean } = {}): ColumnReader {
    const { layout, checkCrc } = this.block;
    return chunkReader(layout.file, this.group, layout.leaves[column], sections, { checkCrc, ...options });
  }

  chunkRange(column: number): ByteRange {
    return chunkRange(this.chunk(column));
  }

  /** Where the dictionary page lies, or undefined when the chunk has none. */
  dictionaryRange(column: number): ByteRange | undefined {
    const { dictionaryPageOffset, dataPageOffset } = this.chunk(column).meta;
    return dictionaryPageOffset && dictionaryPageOffset < dataPageOffset
      ? { offset: dictionaryPageOffset, length: dataPageOffset - dictionaryPageOffset }
      : undefined;
  }

  /** Dictionaries of columns, from the cache or read together. Columns without one are missing in the result. */
  async dictionaries(columns: readonly number[], signal?: AbortSignal): Promise<Map<number, Dictionary>> {
    const { cache } = this.block;
    const found = new Map<number, Dictionary>();
    const wanted: { column: number; range: ByteRange }[] = [];
    for (const column of columns) {
      const cached = cache.dictionaries.get(this.#cacheKey(column));
      const range = this.dictionaryRange(column);
      if (cached) found.set(column, cached);
      else if (range) wanted.push({ column, range });
    }
    const sections = await this.fetch(
      wanted.map((want) => want.range),
      signal,
    );
    wanted.forEach(({ column }, i) => {
      const dictionary = this.reader(column, [sections[i]], { partial: true }).dictionary;
      if (dictionary === undefined) return;
      found.set(column, dictionary);
      cache.dictionaries.set(this.#cacheKey(column), dictionary, 'byteSize' in dictionary ? dictionary.byteSize : dictionary.length * 8);
    });
    return found;
  }

  /** Offset indexes of all columns; undefined where the file has none. */
  async offsetIndexes(signal?: AbortSignal): Promise<readonly (OffsetIndex | undefined)[]> {
    const { cache, source } = this.block;
    const key = this.#cacheKey('index');
    const cached = cache.indexes.get(key);
    if (cached) return cached;
    const ranges: { column: number; range: ByteRange }[] = [];
    for (let column = 0; column < COLUMN_COUNT; column++) {
      const { offsetIndexOffset, offsetIndexLength } = this.chunk(column);
      if (offsetIndexOffset && offsetIndexLength) ranges.push({ column, range: { offset: offsetIndexOffset, length: offsetIndexLength } });
    }
    const sections = await this.fetch(
      ranges.map((r) => r.range),
      signal,
    );
    const indexes: (OffsetIndex | undefined)[] = new Array<OffsetIndex | undefined>(COLUMN_COUNT).fill(undefined);
    let pages = 0;
    ranges.forEach(({ column }, i) => {
      const index = parseOffsetIndex(sections[i].bytes, source.name, sections[i].offset);
      this.#checkPages(column, index);
      indexes[column] = index;
      pages += index.pages.length;
    });
    cache.indexes.set(key, indexes, 2048 + pages * 64);
    return indexes;
  }

  /** A decoded column that some reader of this row group kept. Nobody writes into it. */
  cachedColumn(key: string): object | undefined {
    return this.block.cache.columns.get(this.#cacheKey(key));
  }

  cacheColumn(key: string, value: object): void {
    const name = this.#cacheKey(key);
    this.block.cache.columns.set(name, value, memoryOf(value) + memoryOf(name) + ENTRY_BYTES);
  }

  /** The type that a key of a generic attribute list had where it was met last, 0 when not known. */
  likelyType(scope: AttrScope, key: string): number {
    return this.block.cache.attrTypes.get(`${scope} ${key}`) ?? 0;
  }

  rememberType(scope: AttrScope, key: string, type: number): void {
    this.block.cache.attrTypes.set(`${scope} ${key}`, type, ENTRY_BYTES + key.length);
  }

  #checkPages(column: number, index: OffsetIndex): void {
    const { offset, length } = this.chunkRange(column);
    for (const page of index.pages)
      if (page.offset < offset || page.offset + page.compressedPageSize > offset + length || page.firstRowIndex >= this.group.numRows)
        this.fail(column, 'has an offset index that points outside it,');
  }

  #cacheKey(part: number | string): string {
    return `${this.block.source.name} ${this.number} ${part}`;
  }
}
