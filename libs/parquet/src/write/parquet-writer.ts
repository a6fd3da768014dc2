import { crc32 } from 'node:zlib';
import { assert } from '@vivace/base';
import { encodeUtf8 } from '@vivace/bytes';
import type { ColumnChunk, ColumnIndex, Leaf, OffsetIndex, PageLocation, RowGroup, SchemaElement } from '../format.ts';
import { Codec, Encoding } from '../format.ts';
import { releaseMemory } from '../read/release-memory.ts';
import { schemaLeaves } from '../read/schema-leaves.ts';
import { shortBounds } from './bounds.ts';
import { ByteBuffer } from './byte-buffer.ts';
import type { ByteSink } from './byte-sink.ts';
import type { Bounds, ColumnValues } from './column-values.ts';
import { compress, compressAlways } from './compress.ts';
import type { Slots } from './levels.ts';
import { encodeDefinition } from './levels.ts';
import {
  writeColumnIndex,
  writeDataPageV1Header,
  writeDataPageV2Header,
  writeDictionaryPageHeader,
  writeFileMetaData,
  writeOffsetIndex,
} from './metadata-writer.ts';

/** One column of a row group. */
export interface ColumnData {
  readonly slots: Slots;
  /** Definition level per slot, or the level of all slots. */
  readonly definition: Uint8Array | number;
  readonly values: ColumnValues;
  readonly codec: Codec;
}

export interface ParquetWriterOptions {
  readonly createdBy: string;
  /**
   * Version of the data pages. 1 compresses levels together with values, which is smaller when rows nest deeply; 2 leaves levels plain,
   * which is faster to skip.
   */
  readonly pageVersion: 1 | 2;
}

export interface ParquetFile {
  readonly rows: number;
  readonly rowGroups: number;
  /** Bytes of the whole file. */
  readonly size: number;
  /** Bytes of the thrift footer, without its length and the closing magic. */
  readonly footerSize: number;
}

interface PendingIndexes {
  readonly chunk: { -readonly [K in keyof ColumnChunk]: ColumnChunk[K] };
  readonly offsets: OffsetIndex;
  readonly columns: ColumnIndex | undefined;
}

interface PackedPage {
  readonly data: Uint8Array;
  readonly crc: number;
}

function packed(codec: Codec, body: Uint8Array): PackedPage {
  const data = compressAlways(codec, body);
  return { data, crc: crc32(data) };
}

/** Values of a page that is worth looking for among those before. */
const FEW_BYTES = 16;
const MAGIC = encodeUtf8('PAR1');

/**
 * Writes a Parquet file front to back. Knows schemas, pages and indexes, nothing of what the columns mean.
 *
 * Call order: for each row group all leaves of the schema in order through `writeColumn`, then `endRowGroup`; `finish` at last.
 * Pages have a CRC and are cut on row boundaries. Page indexes stand between the last row group and the footer. Dictionary columns
 * have no column index (their dictionaries prune better), all have an offset index.
 */
export class ParquetWriter {
  readonly #sink: ByteSink;
  readonly #schema: readonly SchemaElement[];
  readonly #leaves: readonly Leaf[];
  readonly #options: ParquetWriterOptions;
  readonly #rowGroups: RowGroup[] = [];
  readonly #indexes: PendingIndexes[] = [];
  readonly #body = new ByteBuffer(1 << 20);
  readonly #head = new ByteBuffer(1 << 12);
  /** Definition levels written last, by the first slot of each page. */
  readonly #definitions: { levels: Uint8Array | undefined; max: number; readonly pages: Map<number, { readonly bytes: Uint8Array; readonly values: number }> } =
    {
      levels: undefined,
      max: 0,
      pages: new Map(),
    };
  /** Small pages of the row group by what is in them. */
  readonly #packed = new Map<number, PackedPage & { readonly body: Uint8Array }>();
  #columns: ColumnChunk[] = [];
  #groupOffset = 0;
  #rows = 0;

  constructor(sink: ByteSink, schema: readonly SchemaElement[], options: ParquetWriterOptions) {
    this.#sink = sink;
    this.#schema = schema;
    this.#leaves = schemaLeaves(schema);
    this.#options = options;
    sink.write(MAGIC);
  }

  /** Writes the next column of the current row group. Nothing of `column` is kept. */
  writeColumn(column: ColumnData): void {
    const leaf = this.#leaves[this.#columns.length];
    assert(leaf !== undefined && column.values.type === leaf.type, `column ${this.#columns.length} is ${leaf?.path}, values have type ${column.values.type}`);
    if (this.#columns.length === 0) this.#groupOffset = this.#sink.position;
    const { slots, values, codec } = column;
    const start = this.#sink.position;
    let uncompressed = 0;
    let dictionaryPageOffset: number | undefined;
    if (values.dictionary) {
      dictionaryPageOffset = start;
      uncompressed += this.#writeDictionary(values, codec);
    }
    const dataPageOffset = this.#sink.position;
    const pages: PageLocation[] = [];
    const nulls: number[] = [];
    const bounds: (Bounds | undefined)[] = [];
    let value = 0;
    for (let page = 0; page < slots.pages; page++) {
      const offset = this.#sink.position;
      const count = this.#writePage(leaf, column, page, value);
      uncompressed += this.#lastUncompressed;
      pages.push({ offset, compressedPageSize: this.#sink.position - offset, firstRowIndex: slots.pageRows[page] });
      nulls.push(slots.pageSlots[page + 1] - slots.pageSlots[page] - count);
      bounds.push(values.bounds(value, value + count));
      value += count;
    }
    const nullCount = slots.count - value;
    const whole = shortBounds(leaf.type, values.dictionary ? values.dictionary.bounds() : slots.pages === 1 ? bounds[0] : values.bounds(0, value));
    const encodings = values.dictionary ? [Encoding.PLAIN, Encoding.RLE, Encoding.RLE_DICTIONARY] : [Encoding.RLE, values.encoding];
    const chunk: ColumnChunk = {
      meta: {
        type: leaf.type,
        encodings,
        path: leaf.path.split('.'),
        codec,
        numValues: slots.count,
        totalUncompressedSize: uncompressed,
        totalCompressedSize: this.#sink.position - start,
        dataPageOffset,
        ...(dictionaryPageOffset === undefined ? {} : { dictionaryPageOffset }),
        statistics: whole ? { nullCount, minValue: whole.min, maxValue: whole.max } : { nullCount },
      },
    };
    this.#columns.push(chunk);
    this.#indexes.push({ chunk, offsets: { pages }, columns: columnIndex(leaf, nulls, bounds, values) });
  }

  /** Closes the row group after its last column. */
  endRowGroup(rows: number): void {
    assert(this.#columns.length === this.#leaves.length, `row group has ${this.#columns.length} of ${this.#leaves.length} columns`);
    const columns = this.#columns;
    this.#rowGroups.push({
      columns,
      numRows: rows,
      totalByteSize: columns.reduce((sum, c) => sum + c.meta.totalUncompressedSize, 0),
      totalCompressedSize: this.#sink.position - this.#groupOffset,
      fileOffset: this.#groupOffset,
      ordinal: this.#rowGroups.length,
    });
    this.#rows += rows;
    this.#columns = [];
    this.#packed.clear();
    this.#definitions.levels = undefined;
    this.#definitions.pages.clear();
  }

  /** Writes page indexes and footer. The writer is spent afterwards. */
  finish(): ParquetFile {
    const out = this.#body;
    out.length = 0;
    const base = this.#sink.position;
    for (const { chunk, columns } of this.#indexes) {
      if (columns === undefined) continue;
      const at = out.length;
      writeColumnIndex(columns, out);
      chunk.columnIndexOffset = base + at;
      chunk.columnIndexLength = out.length - at;
    }
    for (const { chunk, offsets } of this.#indexes) {
      const at = out.length;
      writeOffsetIndex(offsets, out);
      chunk.offsetIndexOffset = base + at;
      chunk.offsetIndexLength = out.length - at;
    }
    const footerAt = out.length;
    writeFileMetaData(
      { version: 2, schema: this.#schema, numRows: this.#rows, rowGroups: this.#rowGroups, createdBy: this.#options.createdBy },
      this.#leaves.length,
      out,
    );
    const footerSize = out.length - footerAt;
    out.u32(footerSize);
    out.append(MAGIC);
    this.#sink.write(out.view());
    return { rows: this.#rows, rowGroups: this.#rowGroups.length, size: this.#sink.position, footerSize };
  }

  #lastUncompressed = 0;

  /** Writes one data page; returns the number of values in it. */
  #writePage(leaf: Leaf, column: ColumnData, page: number, value: number): number {
    return this.#options.pageVersion === 1 ? this.#writePageV1(leaf, column, page, value) : this.#writePageV2(leaf, column, page, value);
  }

  #writePageV1(leaf: Leaf, { slots, definition, values, codec }: ColumnData, page: number, value: number): number {
    const from = slots.pageSlots[page];
    const to = slots.pageSlots[page + 1];
    const body = this.#body;
    body.length = 0;
    if (leaf.maxRepetition > 0) {
      const repetition = slots.encoded(page, leaf.maxRepetition);
      body.u32(repetition.length);
      body.append(repetition);
    }
    let count = to - from;
    if (leaf.maxDefinition > 0) {
      const at = body.length;
      body.u32(0);
      count =
        typeof definition === 'number'
          ? encodeDefinition(definition, from, to, leaf.maxDefinition, body)
          : this.#definitionOnce(definition, from, to, leaf.maxDefinition);
      body.setU32(at, body.length - at - 4);
    }
    const levelBytes = body.length;
    values.encode(value, value + count, body);
    const isKept = codec !== Codec.UNCOMPRESSED && body.length - levelBytes <= FEW_BYTES;
    const { data, crc } = isKept ? this.#packedOnce(codec, body.view()) : packed(codec, body.view());
    const head = this.#head;
    head.length = 0;
    writeDataPageV1Header({ uncompressed: body.length, compressed: data.length, crc, slots: to - from, encoding: values.encoding }, head);
    this.#sink.write(head.view());
    this.#sink.write(data);
    if (!isKept && codec !== Codec.UNCOMPRESSED) releaseMemory(data);
    this.#lastUncompressed = head.length + body.length;
    return count;
  }

  /** Appends definition levels to the body. Neighbours of a nesting have them in common: they are encoded once. */
  #definitionOnce(definition: Uint8Array, from: number, to: number, max: number): number {
    const cache = this.#definitions;
    if (cache.levels !== definition || cache.max !== max) {
      cache.levels = definition;
      cache.max = max;
      cache.pages.clear();
    }
    const body = this.#body;
    const known = cache.pages.get(from);
    if (known) {
      body.append(known.bytes);
      return known.values;
    }
    const at = body.length;
    const values = encodeDefinition(definition, from, to, max, body);
    cache.pages.set(from, { bytes: body.view(at).slice(), values });
    return values;
  }

  /** A page of nulls or of one value looks like the same page of its neighbours: a third of all pages, compressed once. */
  #packedOnce(codec: Codec, body: Uint8Array): PackedPage {
    const key = crc32(body) * 8 + codec;
    const known = this.#packed.get(key);
    if (known !== undefined && Buffer.compare(known.body, body) === 0) return known;
    const page = { body: body.slice(), ...packed(codec, body) };
    this.#packed.set(key, page);
    return page;
  }

  #writePageV2(leaf: Leaf, { slots, definition, values, codec }: ColumnData, page: number, value: number): number {
    const from = slots.pageSlots[page];
    const to = slots.pageSlots[page + 1];
    const body = this.#body;
    body.length = 0;
    body.append(slots.encoded(page, leaf.maxRepetition));
    const repetitionBytes = body.length;
    const count = encodeDefinition(definition, from, to, leaf.maxDefinition, body);
    const levelBytes = body.length;
    values.encode(value, value + count, body);
    const packed = compress(codec, body.view(levelBytes));
    const levels = body.bytes.subarray(0, levelBytes);
    const data = packed ?? body.view(levelBytes);
    const head = this.#head;
    head.length = 0;
    writeDataPageV2Header(
      {
        uncompressed: body.length,
        compressed: levelBytes + data.length,
        crc: crc32(data, crc32(levels)),
        slots: to - from,
        nulls: to - from - count,
        rows: slots.pageRows[page + 1] - slots.pageRows[page],
        encoding: values.encoding,
        definitionBytes: levelBytes - repetitionBytes,
        repetitionBytes,
        isCompressed: packed !== undefined,
      },
      head,
    );
    this.#sink.write(head.view());
    if (levelBytes > 0) this.#sink.write(levels);
    this.#sink.write(data);
    if (packed) releaseMemory(packed);
    this.#lastUncompressed = head.length + body.length;
    return count;
  }

  #writeDictionary({ dictionary }: ColumnValues, codec: Codec): number {
    assert(dictionary, 'dictionary column without dictionary');
    const body = this.#body;
    body.length = 0;
    dictionary.encode(body);
    const data = compressAlways(codec, body.view());
    const head = this.#head;
    head.length = 0;
    writeDictionaryPageHeader(dictionary.size, Encoding.PLAIN, { uncompressed: body.length, compressed: data.length, crc: crc32(data) }, head);
    this.#sink.write(head.view());
    this.#sink.write(data);
    return head.length + body.length;
  }
}

const NO_BYTES = new Uint8Array(0);
const UNORDERED = 0;

/** The column index, or undefined when a page with values has no bounds: a partial one would prune what it must not. */
function columnIndex(leaf: Leaf, nulls: readonly number[], bounds: readonly (Bounds | undefined)[], values: ColumnValues): ColumnIndex | undefined {
  if (values.dictionary) return undefined;
  const short = bounds.map((b) => shortBounds(leaf.type, b));
  if (short.every((b) => b === undefined)) return undefined;
  for (let i = 0; i < bounds.length; i++) if (bounds[i] !== undefined && short[i] === undefined) return undefined;
  return {
    nullPages: short.map((b) => b === undefined),
    minValues: short.map((b) => b?.min ?? NO_BYTES),
    maxValues: short.map((b) => b?.max ?? NO_BYTES),
    boundaryOrder: UNORDERED,
    nullCounts: nulls,
  };
}
