import { compareBytes } from '@vivace/bytes';
import type { ByteRange, OffsetIndex, Section } from '@vivace/parquet';
import { parseColumnIndex } from '@vivace/parquet';
import type { BlockFileAccess } from './block-layout.ts';
import { RowGroupAccess } from './block-layout.ts';
import { ColumnSet } from './column-set.ts';
import { idColumn } from './column-values.ts';
import { COLUMN } from './columns.ts';
import { loadRows } from './row-selection.ts';
import { TABLE_COLUMNS } from './to-span-table.ts';

const ID_BYTES = 16;

/** A trace's place in a block. */
export interface TraceRow {
  readonly access: RowGroupAccess;
  readonly row: number;
}

/**
 * The row of trace `id`, or undefined. Rows ascend by id over the whole file, so bounds in the footer choose the row group and the page
 * index the page; `lastIds` (the `index` file) stands in for bounds the footer does not have.
 */
export async function findTraceRow(
  block: BlockFileAccess,
  id: Uint8Array,
  lastIds: () => Promise<Uint8Array | undefined>,
  signal?: AbortSignal,
): Promise<TraceRow | undefined> {
  const count = block.layout.file.meta.rowGroups.length;
  let last: Uint8Array | undefined;
  for (let g = 0; g < count; g++) {
    const access = new RowGroupAccess(block, g);
    const bounds = access.chunk(COLUMN.traceId).meta.statistics;
    if (bounds?.minValue?.length === ID_BYTES && bounds.maxValue?.length === ID_BYTES) {
      if (compareBytes(id, 0, bounds.maxValue, 0, ID_BYTES) > 0) continue;
      if (compareBytes(id, 0, bounds.minValue, 0, ID_BYTES) < 0) return undefined;
    } else {
      last ??= (await lastIds()) ?? new Uint8Array(0);
      if (last.length === count * ID_BYTES && compareBytes(id, 0, last, g * ID_BYTES, ID_BYTES) > 0) continue;
    }
    const row = await findRow(access, id, signal);
    if (row >= 0) return { access, row };
  }
  return undefined;
}

/** Reads one row: of each column the page that holds it, and dictionaries. */
export async function readRow({ access, row }: TraceRow, signal?: AbortSignal): Promise<ColumnSet> {
  const set = new ColumnSet(access, 1);
  await loadRows(access, [{ row, set, columns: set.wanting(TABLE_COLUMNS) }], signal);
  return set;
}

/** The row of `id` in a row group, or -1. */
async function findRow(access: RowGroupAccess, id: Uint8Array, signal?: AbortSignal): Promise<number> {
  const index = (await access.offsetIndexes(signal))[COLUMN.traceId];
  const page = index === undefined ? 0 : await candidatePage(access, index, id, signal);
  if (page < 0) return -1;
  const range = index === undefined ? access.chunkRange(COLUMN.traceId) : { offset: index.pages[page].offset, length: index.pages[page].compressedPageSize };
  const firstRow = index === undefined ? 0 : index.pages[page].firstRowIndex;
  const ids = await pageIds(access, range, index !== undefined, signal);
  let low = 0;
  let high = ids.length / ID_BYTES - 1;
  while (low <= high) {
    const middle = (low + high) >>> 1;
    const order = compareBytes(id, 0, ids, middle * ID_BYTES, ID_BYTES);
    if (order === 0) return firstRow + middle;
    if (order < 0) high = middle - 1;
    else low = middle + 1;
  }
  return -1;
}

async function pageIds(access: RowGroupAccess, range: ByteRange, partial: boolean, signal: AbortSignal | undefined): Promise<Uint8Array> {
  const { cache, source } = access.block;
  const key = `${source.name} ${range.offset}`;
  const cached = cache.traceIds.get(key);
  if (cached) return cached;
  const dictionary = partial ? (await access.dictionaries([COLUMN.traceId], signal)).get(COLUMN.traceId) : undefined;
  const sections = await access.fetch([range], signal);
  const reader = access.reader(COLUMN.traceId, sections, { partial, dictionary });
  const ids = idColumn(reader, ID_BYTES, reader.entries);
  cache.traceIds.set(key, ids, ids.length);
  return ids;
}

/** The only page that can hold `id`: the last one whose first id is not above it. */
async function candidatePage(access: RowGroupAccess, index: OffsetIndex, id: Uint8Array, signal: AbortSignal | undefined): Promise<number> {
  const { pages } = index;
  if (pages.length === 1) return 0;
  const { columnIndexOffset, columnIndexLength } = access.chunk(COLUMN.traceId);
  let minOf = async (page: number): Promise<Uint8Array> =>
    (await pageIds(access, { offset: pages[page].offset, length: pages[page].compressedPageSize }, true, signal)).subarray(0, ID_BYTES);
  if (columnIndexOffset && columnIndexLength) {
    const [section]: readonly Section[] = await access.fetch([{ offset: columnIndexOffset, length: columnIndexLength }], signal);
    const { minValues } = parseColumnIndex(section.bytes, access.block.source.name, section.offset);
    // Bounds may be cut short, but ids are as short as the usual cut.
    if (minValues.length === pages.length && minValues.every((min) => min.length === ID_BYTES)) minOf = async (page) => minValues[page];
  }
  let low = -1;
  let high = pages.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (compareBytes(await minOf(middle), 0, id, 0, ID_BYTES) <= 0) low = middle;
    else high = middle - 1;
  }
  return low;
}
