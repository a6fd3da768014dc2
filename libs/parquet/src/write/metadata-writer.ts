// parquet.thrift records as bytes. Field ids are those of parquet-format. Statistics never carry `is_max_value_exact` / `is_min_value_exact`
// (fields 7, 8): parquet-go's skip routine mis-reads unknown booleans and then cannot decode the footer.
import type { Codec, ColumnIndex, FileMetaData, LogicalType, OffsetIndex, RowGroup, SchemaElement, Statistics } from '../format.ts';
import { Encoding, PageType } from '../format.ts';
import type { ByteBuffer } from './byte-buffer.ts';
import { ThriftWriter } from './thrift-writer.ts';

const TYPE_DEFINED_ORDER = 1;

export interface PageSizes {
  readonly uncompressed: number;
  readonly compressed: number;
  /** CRC-32 of the page as stored, without its header. */
  readonly crc: number;
}

export interface DataPageInfo extends PageSizes {
  readonly slots: number;
  readonly encoding: Encoding;
}

export interface DataPageV2Info extends DataPageInfo {
  readonly nulls: number;
  readonly rows: number;
  readonly definitionBytes: number;
  readonly repetitionBytes: number;
  readonly isCompressed: boolean;
}

export function writeDataPageV1Header(page: DataPageInfo, out: ByteBuffer): void {
  const t = new ThriftWriter(out);
  pageHead(t, PageType.DATA_PAGE, page);
  t.struct(5, () => {
    t.i32(1, page.slots);
    t.i32(2, page.encoding);
    t.i32(3, Encoding.RLE);
    t.i32(4, Encoding.RLE);
  });
  t.stop();
}

export function writeDataPageV2Header(page: DataPageV2Info, out: ByteBuffer): void {
  const t = new ThriftWriter(out);
  pageHead(t, PageType.DATA_PAGE_V2, page);
  t.struct(8, () => {
    t.i32(1, page.slots);
    t.i32(2, page.nulls);
    t.i32(3, page.rows);
    t.i32(4, page.encoding);
    t.i32(5, page.definitionBytes);
    t.i32(6, page.repetitionBytes);
    t.bool(7, page.isCompressed);
  });
  t.stop();
}

export function writeDictionaryPageHeader(entries: number, encoding: Encoding, sizes: PageSizes, out: ByteBuffer): void {
  const t = new ThriftWriter(out);
  pageHead(t, PageType.DICTIONARY_PAGE, sizes);
  t.struct(7, () => {
    t.i32(1, entries);
    t.i32(2, encoding);
  });
  t.stop();
}

function pageHead(t: ThriftWriter, type: PageType, sizes: PageSizes): void {
  t.i32(1, type);
  t.i32(2, sizes.uncompressed);
  t.i32(3, sizes.compressed);
  t.i32(4, sizes.crc | 0);
}

export function writeOffsetIndex(index: OffsetIndex, out: ByteBuffer): void {
  const t = new ThriftWriter(out);
  t.structs(1, index.pages.length, (i) => {
    const page = index.pages[i];
    t.i64(1, page.offset);
    t.i32(2, page.compressedPageSize);
    t.i64(3, page.firstRowIndex);
  });
  t.stop();
}

export function writeColumnIndex(index: ColumnIndex, out: ByteBuffer): void {
  const t = new ThriftWriter(out);
  t.bools(1, index.nullPages);
  t.binaries(2, index.minValues);
  t.binaries(3, index.maxValues);
  t.i32(4, index.boundaryOrder);
  if (index.nullCounts) t.i64s(5, index.nullCounts);
  t.stop();
}

/** `leaves` is the number of columns: each gets a type-defined order. */
export function writeFileMetaData(meta: FileMetaData, leaves: number, out: ByteBuffer): void {
  const t = new ThriftWriter(out);
  t.i32(1, meta.version);
  t.structs(2, meta.schema.length, (i) => writeSchemaElement(t, meta.schema[i]));
  t.i64(3, meta.numRows);
  t.structs(4, meta.rowGroups.length, (i) => writeRowGroup(t, meta.rowGroups[i]));
  if (meta.createdBy !== undefined) t.text(6, meta.createdBy);
  t.structs(7, leaves, () => t.struct(TYPE_DEFINED_ORDER, () => {}));
  t.stop();
}

function writeSchemaElement(t: ThriftWriter, e: SchemaElement): void {
  if (e.type !== undefined) t.i32(1, e.type);
  if (e.typeLength !== undefined) t.i32(2, e.typeLength);
  if (e.repetition !== undefined) t.i32(3, e.repetition);
  t.text(4, e.name);
  if (e.numChildren !== undefined) t.i32(5, e.numChildren);
  if (e.convertedType !== undefined) t.i32(6, e.convertedType);
  const { logicalType } = e;
  if (logicalType !== undefined) t.struct(10, () => writeLogicalType(t, logicalType));
}

function writeLogicalType(t: ThriftWriter, type: LogicalType): void {
  switch (type.kind) {
    case 'string':
      return t.struct(1, () => {});
    case 'map':
      return t.struct(2, () => {});
    case 'list':
      return t.struct(3, () => {});
    case 'integer':
      return t.struct(10, () => {
        t.i8(1, type.bitWidth);
        // Written even when false: parquet-go requires the field.
        t.bool(2, type.isSigned);
      });
    case 'unknown':
      return t.struct(type.fieldId, () => {});
  }
}

function writeRowGroup(t: ThriftWriter, group: RowGroup): void {
  t.structs(1, group.columns.length, (i) => {
    const chunk = group.columns[i];
    t.i64(2, 0);
    t.struct(3, () => {
      const { meta } = chunk;
      t.i32(1, meta.type);
      t.i32s(2, meta.encodings);
      t.texts(3, meta.path);
      t.i32(4, meta.codec satisfies Codec);
      t.i64(5, meta.numValues);
      t.i64(6, meta.totalUncompressedSize);
      t.i64(7, meta.totalCompressedSize);
      t.i64(9, meta.dataPageOffset);
      if (meta.dictionaryPageOffset !== undefined) t.i64(11, meta.dictionaryPageOffset);
      const { statistics } = meta;
      if (statistics) t.struct(12, () => writeStatistics(t, statistics));
    });
    if (chunk.offsetIndexOffset !== undefined) t.i64(4, chunk.offsetIndexOffset);
    if (chunk.offsetIndexLength !== undefined) t.i32(5, chunk.offsetIndexLength);
    if (chunk.columnIndexOffset !== undefined) t.i64(6, chunk.columnIndexOffset);
    if (chunk.columnIndexLength !== undefined) t.i32(7, chunk.columnIndexLength);
  });
  t.i64(2, group.totalByteSize);
  t.i64(3, group.numRows);
  if (group.fileOffset !== undefined) t.i64(5, group.fileOffset);
  if (group.totalCompressedSize !== undefined) t.i64(6, group.totalCompressedSize);
  if (group.ordinal !== undefined) t.i16(7, group.ordinal);
}

function writeStatistics(t: ThriftWriter, s: Statistics): void {
  if (s.nullCount !== undefined) t.i64(3, s.nullCount);
  if (s.distinctCount !== undefined) t.i64(4, s.distinctCount);
  if (s.maxValue !== undefined) t.binary(5, s.maxValue);
  if (s.minValue !== undefined) t.binary(6, s.minValue);
}
