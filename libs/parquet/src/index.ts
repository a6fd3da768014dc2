export { Codec, ConvertedType, Encoding, PageType, PhysicalType, Repetition } from './format.ts';
export type {
  ByteSource,
  ColumnChunk,
  ColumnIndex,
  ColumnMetaData,
  FileMetaData,
  Leaf,
  LogicalType,
  OffsetIndex,
  PageLocation,
  RowGroup,
  SchemaElement,
  Statistics,
} from './format.ts';
export { anyAbove, countLevel } from './read/count-level.ts';
export { ByteDictionary } from './read/byte-dictionary.ts';
export { ColumnReader } from './read/column-reader.ts';
export type { DecodedLevels, DecodedValues } from './read/column-reader.ts';
export { parseColumnIndex, parseOffsetIndex } from './read/page-index.ts';
export type { Dictionary, Section } from './read/pages.ts';
export { chunkRange, chunkReader, openParquet } from './read/parquet-layout.ts';
export type { ChunkReaderOptions, OpenParquetOptions, ParquetLayout } from './read/parquet-layout.ts';
export { fetchRanges, planReads } from './read/ranges.ts';
export type { ByteRange, CoalesceLimits } from './read/ranges.ts';
export { releaseMemory, releaseSections } from './read/release-memory.ts';
export { schemaLeaves } from './read/schema-leaves.ts';
export type { ReadLeaf } from './read/schema-leaves.ts';
export { MemorySink } from './write/byte-sink.ts';
export type { ByteSink } from './write/byte-sink.ts';
export { BytesValues } from './write/bytes-values.ts';
export type { ColumnValues, DictionaryPage } from './write/column-values.ts';
export { BytesDictionary, DictionaryBuilder, DictionaryValues, Int32Dictionary, Int64Dictionary } from './write/dictionary-values.ts';
export type { BytesSource } from './write/dictionary-values.ts';
export { Int32Values, Int64Values } from './write/int-values.ts';
export { Levels, Slots } from './write/levels.ts';
export { ParquetWriter } from './write/parquet-writer.ts';
export type { ColumnData, ParquetFile, ParquetWriterOptions } from './write/parquet-writer.ts';
export { BooleanValues, DoubleValues } from './write/plain-values.ts';
