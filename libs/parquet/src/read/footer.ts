import type {
  Codec,
  ColumnChunk,
  ColumnMetaData,
  ConvertedType,
  Encoding,
  FileMetaData,
  LogicalType,
  PhysicalType,
  Repetition,
  RowGroup,
  SchemaElement,
  Statistics,
} from '../format.ts';
import { ByteCursor } from './byte-cursor.ts';
import { ThriftReader } from './thrift-reader.ts';

type Draft<T> = { -readonly [K in keyof T]?: T[K] };

/**
 * Parses the thrift footer `bytes` (without length and magic), which starts at `offset` of object `name`.
 * Statistics borrow the bytes. Source: parquet.thrift, FileMetaData.
 */
export function parseFooter(bytes: Uint8Array, name: string, offset: number): FileMetaData {
  const r = new ThriftReader(new ByteCursor(bytes, name, offset));
  const meta: Draft<FileMetaData> = {};
  const outer = r.enter();
  while (r.nextField()) {
    switch (r.fieldId) {
      case 1:
        meta.version = r.int();
        break;
      case 2:
        meta.schema = Array.from({ length: r.list('struct') }, () => parseSchemaElement(r));
        break;
      case 3:
        meta.numRows = r.size();
        break;
      case 4:
        meta.rowGroups = Array.from({ length: r.list('struct') }, () => parseRowGroup(r));
        break;
      case 6:
        meta.createdBy = r.string();
        break;
      default:
        r.skip();
    }
  }
  r.leave(outer);
  if (meta.schema === undefined || meta.numRows === undefined || meta.rowGroups === undefined || meta.version === undefined)
    r.fail('footer lacks a required field');
  return meta as FileMetaData;
}

function parseSchemaElement(r: ThriftReader): SchemaElement {
  const element: Draft<SchemaElement> = {};
  const outer = r.enter();
  while (r.nextField()) {
    switch (r.fieldId) {
      case 1:
        element.type = r.int() as PhysicalType;
        break;
      case 2:
        element.typeLength = r.size();
        break;
      case 3:
        element.repetition = r.int() as Repetition;
        break;
      case 4:
        element.name = r.string();
        break;
      case 5:
        element.numChildren = r.size();
        break;
      case 6:
        element.convertedType = r.int() as ConvertedType;
        break;
      case 10:
        element.logicalType = parseLogicalType(r);
        break;
      default:
        r.skip();
    }
  }
  r.leave(outer);
  if (element.name === undefined) r.fail('schema element without a name');
  return element as SchemaElement;
}

function parseLogicalType(r: ThriftReader): LogicalType {
  let type: LogicalType = { kind: 'unknown', fieldId: 0 };
  const outer = r.enterField();
  while (r.nextField()) {
    if (r.fieldId === 10) {
      type = parseIntegerType(r);
      continue;
    }
    type =
      r.fieldId === 1 ? { kind: 'string' } : r.fieldId === 2 ? { kind: 'map' } : r.fieldId === 3 ? { kind: 'list' } : { kind: 'unknown', fieldId: r.fieldId };
    r.skip();
  }
  r.leave(outer);
  return type;
}

function parseIntegerType(r: ThriftReader): LogicalType {
  let bitWidth = 64;
  let isSigned = true;
  const outer = r.enterField();
  while (r.nextField()) {
    if (r.fieldId === 1) bitWidth = r.int();
    else if (r.fieldId === 2) isSigned = r.bool();
    else r.skip();
  }
  r.leave(outer);
  return { kind: 'integer', bitWidth, isSigned };
}

function parseRowGroup(r: ThriftReader): RowGroup {
  const group: Draft<RowGroup> = {};
  const outer = r.enter();
  while (r.nextField()) {
    switch (r.fieldId) {
      case 1:
        group.columns = Array.from({ length: r.list('struct') }, () => parseColumnChunk(r));
        break;
      case 2:
        group.totalByteSize = r.size();
        break;
      case 3:
        group.numRows = r.size();
        break;
      case 5:
        group.fileOffset = r.size();
        break;
      case 6:
        group.totalCompressedSize = r.size();
        break;
      case 7:
        group.ordinal = r.int();
        break;
      default:
        r.skip();
    }
  }
  r.leave(outer);
  if (group.columns === undefined || group.totalByteSize === undefined || group.numRows === undefined) r.fail('row group lacks a required field');
  return group as RowGroup;
}

function parseColumnChunk(r: ThriftReader): ColumnChunk {
  const chunk: Draft<ColumnChunk> = {};
  const outer = r.enter();
  while (r.nextField()) {
    switch (r.fieldId) {
      case 1:
        r.fail('column chunk in another file');
        break;
      case 3:
        chunk.meta = parseColumnMetaData(r);
        break;
      case 4:
        chunk.offsetIndexOffset = r.size();
        break;
      case 5:
        chunk.offsetIndexLength = r.size();
        break;
      case 6:
        chunk.columnIndexOffset = r.size();
        break;
      case 7:
        chunk.columnIndexLength = r.size();
        break;
      default:
        r.skip();
    }
  }
  r.leave(outer);
  if (chunk.meta === undefined) r.fail('column chunk without metadata');
  return chunk as ColumnChunk;
}

function parseColumnMetaData(r: ThriftReader): ColumnMetaData {
  const meta: Draft<ColumnMetaData> = {};
  const outer = r.enterField();
  while (r.nextField()) {
    switch (r.fieldId) {
      case 1:
        meta.type = r.int() as PhysicalType;
        break;
      case 2:
        meta.encodings = Array.from({ length: r.list('int') }, () => r.int() as Encoding);
        break;
      case 3:
        meta.path = Array.from({ length: r.list('binary') }, () => r.string());
        break;
      case 4:
        meta.codec = r.int() as Codec;
        break;
      case 5:
        meta.numValues = r.size();
        break;
      case 6:
        meta.totalUncompressedSize = r.size();
        break;
      case 7:
        meta.totalCompressedSize = r.size();
        break;
      case 9:
        meta.dataPageOffset = r.size();
        break;
      case 11:
        meta.dictionaryPageOffset = r.size();
        break;
      case 12:
        meta.statistics = parseStatistics(r);
        break;
      default:
        r.skip();
    }
  }
  r.leave(outer);
  if (
    meta.type === undefined ||
    meta.encodings === undefined ||
    meta.path === undefined ||
    meta.codec === undefined ||
    meta.numValues === undefined ||
    meta.totalUncompressedSize === undefined ||
    meta.totalCompressedSize === undefined ||
    meta.dataPageOffset === undefined
  )
    r.fail('column metadata lacks a required field');
  return meta as ColumnMetaData;
}

function parseStatistics(r: ThriftReader): Statistics {
  const statistics: Draft<Statistics> = {};
  const outer = r.enterField();
  while (r.nextField()) {
    switch (r.fieldId) {
      case 3:
        statistics.nullCount = r.size();
        break;
      case 4:
        statistics.distinctCount = r.size();
        break;
      case 5:
        statistics.maxValue = r.binary();
        break;
      case 6:
        statistics.minValue = r.binary();
        break;
      default:
        r.skip();
    }
  }
  r.leave(outer);
  return statistics;
}
