import type { ByteSource, ColumnChunk, FileMetaData, RowGroup } from '../format.ts';
import { ByteCursor } from './byte-cursor.ts';
import { ColumnReader } from './column-reader.ts';
import { corrupt } from './corrupt.ts';
import { parseFooter } from './footer.ts';
import type { Dictionary, Section } from './pages.ts';
import type { ByteRange } from './ranges.ts';
import type { ReadLeaf } from './schema-leaves.ts';
import { schemaLeaves } from './schema-leaves.ts';

const MAGIC = 0x3152_4150; // "PAR1"
const MAX_FOOTER_BYTES = 1 << 27;
const TAIL_BYTES = 64 * 1024;

export interface OpenParquetOptions {
  /** Length of the thrift footer when it is known from elsewhere: saves a read when the footer is long. */
  readonly footerSize?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What is known of a file once its footer is read: which bytes hold which column. Plain data, to be cached. */
export interface ParquetLayout {
  readonly name: string;
  readonly size: number;
  readonly meta: FileMetaData;
  readonly leaves: readonly ReadLeaf[];
  /** Where the thrift footer lies. */
  readonly footerOffset: number;
  readonly footerSize: number;
}

/** Reads and checks a footer: every column chunk lies inside the file and fits the schema. One read if the footer is short. */
export async function openParquet(source: ByteSource, options: OpenParquetOptions = {}): Promise<ParquetLayout> {
  const { name, size } = source;
  if (size < 12) throw corrupt(name, 0, `${size} bytes are no parquet file`);
  const hinted = options.footerSize && options.footerSize + 8 <= size && options.footerSize <= MAX_FOOTER_BYTES ? options.footerSize + 8 : TAIL_BYTES;
  let tailSize = Math.min(size, hinted);
  let tail = await source.read(size - tailSize, tailSize, options.signal);
  const end = new ByteCursor(tail, name, size - tailSize, tailSize - 8);
  const footerSize = end.u32le();
  if (end.u32le() !== MAGIC) throw corrupt(name, size - 4, 'no parquet magic');
  if (footerSize + 12 > size || footerSize > MAX_FOOTER_BYTES) throw corrupt(name, size - 8, `footer of ${footerSize} bytes`);
  if (footerSize + 8 > tailSize) {
    tailSize = footerSize + 8;
    tail = await source.read(size - tailSize, tailSize, options.signal);
  }
  const start = tailSize - 8 - footerSize;
  const footerOffset = size - 8 - footerSize;
  const meta = parseFooter(tail.subarray(start, start + footerSize), name, footerOffset);
  const leaves = schemaLeaves(meta.schema, name, footerOffset);
  checkChunks(meta, leaves, name, footerOffset);
  return { name, size, meta, leaves, footerOffset, footerSize };
}

/** Where the pages of a column chunk lie, dictionary first. */
export function chunkRange(chunk: ColumnChunk): ByteRange {
  const { dictionaryPageOffset, dataPageOffset, totalCompressedSize } = chunk.meta;
  // Some writers set a dictionary offset of 0 for "none".
  const offset = dictionaryPageOffset ? Math.min(dictionaryPageOffset, dataPageOffset) : dataPageOffset;
  return { offset, length: totalCompressedSize };
}

export interface ChunkReaderOptions {
  readonly checkCrc?: boolean | undefined;
  readonly dictionary?: Dictionary | undefined;
  /** The sections are only some of the chunk's pages. */
  readonly partial?: boolean;
}

/** A column chunk of which `sections` are the bytes. */
export function chunkReader(
  file: ParquetLayout,
  group: RowGroup,
  leaf: ReadLeaf,
  sections: readonly Section[],
  options: ChunkReaderOptions = {},
): ColumnReader {
  const { meta } = group.columns[leaf.index];
  return new ColumnReader({
    name: file.name,
    leaf,
    codec: meta.codec,
    checkCrc: options.checkCrc ?? true,
    sections,
    dictionary: options.dictionary,
    entries: meta.numValues,
    partial: options.partial ?? false,
  });
}

function checkChunks(meta: FileMetaData, leaves: readonly ReadLeaf[], name: string, footerOffset: number): void {
  const fail = (group: number, problem: string): never => {
    throw corrupt(name, footerOffset, `row group ${group}: ${problem} in the footer`);
  };
  let rows = 0;
  for (let g = 0; g < meta.rowGroups.length; g++) {
    const group = meta.rowGroups[g];
    rows += group.numRows;
    if (group.columns.length !== leaves.length) fail(g, `${group.columns.length} columns for ${leaves.length} leaves`);
    for (let c = 0; c < leaves.length; c++) {
      const chunk = group.columns[c];
      const range = chunkRange(chunk);
      if (chunk.meta.type !== leaves[c].type) fail(g, `column ${c} of type ${chunk.meta.type}, schema says ${leaves[c].type},`);
      if (range.offset < 4 || range.offset + range.length > footerOffset)
        fail(g, `column ${c} at ${range.offset} with ${range.length} bytes lies outside the file`);
      if (leaves[c].maxRepetition === 0 ? chunk.meta.numValues !== group.numRows : chunk.meta.numValues < group.numRows)
        fail(g, `column ${c} of ${chunk.meta.numValues} values for ${group.numRows} rows`);
      checkIndex(chunk.offsetIndexOffset, chunk.offsetIndexLength, footerOffset, () => fail(g, `offset index of column ${c} lies outside the file`));
      checkIndex(chunk.columnIndexOffset, chunk.columnIndexLength, footerOffset, () => fail(g, `column index of column ${c} lies outside the file`));
    }
  }
  if (rows !== meta.numRows) throw corrupt(name, footerOffset, `${rows} rows in row groups, ${meta.numRows} announced in the footer`);
}

function checkIndex(offset: number | undefined, length: number | undefined, end: number, fail: () => void): void {
  if (offset !== undefined && (length === undefined || offset + length > end)) fail();
}
