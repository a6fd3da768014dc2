import { releaseSections } from '@vivace/parquet';
import type { ByteRange, ColumnReader, OffsetIndex } from '@vivace/parquet';
import type { RowGroupAccess } from './block-layout.ts';
import type { ColumnSet } from './column-set.ts';
import { RowSlicer } from './row-slice.ts';

/** Neighbouring rows (traces) of a row group, a set for these alone, and the columns it is to get. */
export interface WantedRows {
  readonly row: number;
  readonly set: ColumnSet;
  readonly columns: readonly number[];
}

/** The pages of a column that hold some rows, or the whole chunk when there is no page index. */
interface Pages {
  readonly column: number;
  readonly ranges: readonly ByteRange[];
  readonly firstRow: number;
}

/**
 * Reads some rows of a row group: of each column the pages that hold them where there is a page index, else the chunk, and dictionaries. What the sets
 * get borrows nothing.
 */
export async function loadRows(access: RowGroupAccess, wanted: readonly WantedRows[], signal?: AbortSignal): Promise<void> {
  if (wanted.every(({ columns }) => columns.length === 0)) return;
  const indexes = await access.offsetIndexes(signal);
  const pages = new Map<string, Pages>();
  const keyOf = (column: number, from: number, to: number): string => {
    const found = pagesOf(access, column, indexes[column], from, to);
    const key = `${column} ${found.firstRow} ${found.ranges.length}`;
    if (!pages.has(key)) pages.set(key, found);
    return key;
  };
  const rows = wanted.map(({ row, set, columns }) => ({ row, set, keys: columns.map((column) => keyOf(column, row, row + set.traceCount)) }));
  const paged = new Set(Array.from(pages.values(), ({ column }) => column).filter((column) => indexes[column] !== undefined));
  const [sections, dictionaries] = await Promise.all([
    access.fetch(
      [...pages.values()].flatMap(({ ranges }) => ranges),
      signal,
    ),
    access.dictionaries([...paged], signal),
  ]);
  const readers = new Map<string, Pages & { readonly reader: ColumnReader }>();
  let at = 0;
  for (const [key, found] of pages) {
    const own = sections.slice(at, (at += found.ranges.length));
    const { column } = found;
    readers.set(key, { ...found, reader: access.reader(column, own, { dictionary: dictionaries.get(column), partial: paged.has(column) }) });
  }
  for (const { row, set, keys } of rows) {
    const slicer = new RowSlicer(set.traceCount);
    for (const key of keys) {
      const found = readers.get(key);
      if (found) set.set(found.column, slicer.slice(found.reader, row - found.firstRow));
    }
  }
  releaseSections(sections);
}

function pagesOf(access: RowGroupAccess, column: number, index: OffsetIndex | undefined, from: number, to: number): Pages {
  if (index === undefined) return { column, ranges: [access.chunkRange(column)], firstRow: 0 };
  const { pages } = index;
  let low = 0;
  let high = pages.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    if (pages[middle].firstRowIndex <= from) low = middle;
    else high = middle - 1;
  }
  if (pages.length === 0) access.fail(column, 'has an offset index without pages');
  const ranges: ByteRange[] = [];
  for (let page = low; page < pages.length && (page === low || pages[page].firstRowIndex < to); page++)
    ranges.push({ offset: pages[page].offset, length: pages[page].compressedPageSize });
  return { column, ranges, firstRow: pages[low].firstRowIndex };
}
