import { equalBytes } from '@vivace/bytes';
import { ByteDictionary, PhysicalType, releaseMemory, releaseSections, schemaLeaves } from '@vivace/parquet';
import type { ByteRange, ColumnReader, DecodedLevels, Dictionary, OffsetIndex, Section } from '@vivace/parquet';
import type { RowGroupAccess } from '../read/block-layout.ts';
import { byteInts, idColumn } from '../read/column-values.ts';
import { ATTR_COLUMN, COLUMN, COLUMN_COUNT } from '../read/columns.ts';
import { SCHEMA } from '../schema.ts';
import { UNIQUE } from './byte-columns.ts';
import { isRequired, NEST_OF, NESTS, SPAN_NEST } from './nests.ts';

/** Levels of a list in a row group. */
export interface SourceNest {
  readonly repetition: DecodedLevels;
  /** Of its required columns. */
  readonly definition: DecodedLevels;
  /** First entry of each row, and the number of entries. */
  readonly rowSlots: Uint32Array;
  /** First value of each row in required columns, and the number of values. */
  readonly rowValues: Uint32Array;
  /** Each element of the list around it has one entry: both have the same repetition levels. */
  readonly isFlat: boolean;
}

/** Pages of a column: those of rows `[fromRow, toRow)`. */
export interface ColumnPart {
  readonly fromRow: number;
  readonly toRow: number;
  readonly reader: ColumnReader;
  /** Its bytes, when they are not part of what was read at once. */
  readonly own: Uint8Array | undefined;
}

/** What spans are told apart by. */
export interface SpanIdentities {
  /** Ids as two words a span. */
  readonly ids: Uint32Array;
  readonly kinds: Uint8Array;
}

/** Rows wanted: the ranges `[from[i], to[i])`, ascending. */
export interface RowRanges {
  readonly count: number;
  readonly from: Uint32Array;
  readonly to: Uint32Array;
}

/** Bytes of a row group's traces at most: so many, and so many for each element of a list. */
interface ByteBounds {
  readonly base: number;
  readonly perElement: readonly { readonly nest: number; readonly bytes: number }[];
}

const LEAVES = schemaLeaves(SCHEMA);
const EVENT_NEST = NEST_OF[COLUMN.eventOffset];
const ATTR_NESTS = [NEST_OF[ATTR_COLUMN.span], NEST_OF[ATTR_COLUMN.event]];
/** Spans, their events, and the attributes of both with their lists of values. */
const LISTS_OF_SPAN = new Set([SPAN_NEST, EVENT_NEST, ...ATTR_NESTS, ...NESTS.flatMap(({ parent }, nest) => (ATTR_NESTS.includes(parent) ? [nest] : []))]);
/** More than a span or event takes besides strings, and an attribute besides its value, its key included where that has a column. */
const SPAN_BYTES = 256;
const ATTR_BYTES = 64;

/** Of the columns that often are of one value: counts of what was dropped, flags, texts that nobody sets. */
const CONSTANT_TYPES = new Set<PhysicalType>([PhysicalType.INT32, PhysicalType.BOOLEAN, PhysicalType.BYTE_ARRAY]);
/** What we write is smaller. */
const WHOLE_BYTES = 16 * 1024 * 1024;
const NO_PARTS: readonly ColumnPart[] = [];

/**
 * A row group of which rows are copied into another block, front to back. Levels of all lists are in memory as long as it is, values page by page: those asked for with
 * `load` until `release`.
 */
export class MergeRows {
  readonly rowCount: number;
  /** 16 bytes a row. */
  readonly traceIds: Uint8Array;
  readonly nests: readonly SourceNest[];
  readonly #access: RowGroupAccess;
  readonly #whole: Section | undefined;
  readonly #indexes: readonly (OffsetIndex | undefined)[];
  readonly #dictionaries = new Map<number, Dictionary | undefined>();
  readonly #parts = new Map<number, readonly ColumnPart[]>();
  #identities: SpanIdentities | undefined;
  #bounds: ByteBounds | undefined;
  /** Memory that pages in use lie in. */
  readonly #read: Section[] = [];

  private constructor(
    access: RowGroupAccess,
    whole: Section | undefined,
    indexes: readonly (OffsetIndex | undefined)[],
    traceIds: Uint8Array,
    nests: readonly SourceNest[],
  ) {
    this.#access = access;
    this.#whole = whole;
    this.#indexes = indexes;
    this.rowCount = access.group.numRows;
    this.traceIds = traceIds;
    this.nests = nests;
  }

  /** The store must give out memory of its own: it is given back when it is used up. A row group of up to `wholeBytes` is read at once, and kept until its rows are copied. */
  static async open(access: RowGroupAccess, signal?: AbortSignal, wholeBytes = WHOLE_BYTES): Promise<MergeRows> {
    const indexes = await access.offsetIndexes(signal);
    const whole = await readWhole(access, wholeBytes, signal);
    const columns = levelColumns(access);
    const sections = await sectionsOf(
      access,
      whole,
      [COLUMN.traceId, ...columns].map((column) => access.chunkRange(column)),
      signal,
    );
    const ids = idColumn(access.reader(COLUMN.traceId, [sections[0]]), 16, access.group.numRows);
    const readers = new Map(columns.map((column, i) => [column, access.reader(column, [sections[i + 1]])]));
    const rows = new MergeRows(access, whole, indexes, ids, readNests(access, readers));
    if (whole === undefined) releaseSections(sections);
    return rows;
  }

  /** Gives back all memory. No row is copied any more. */
  close(): void {
    for (const column of this.#parts.keys()) this.release(column, this.rowCount);
    for (const { repetition, definition, rowSlots, rowValues: values } of this.nests) releaseMemory(repetition.each, definition.each, rowSlots, values);
    if (this.#whole) releaseMemory(this.#whole.bytes);
    if (this.#identities) releaseMemory(this.#identities.ids, this.#identities.kinds);
    for (const dictionary of this.#dictionaries.values()) if (dictionary instanceof ByteDictionary) releaseMemory(dictionary.bytes, dictionary.ends);
  }

  /** First span of each row, and the number of spans. */
  get spanOffsets(): Uint32Array {
    return this.nests[SPAN_NEST].rowValues;
  }

  /** Of all spans of the row group, once they are read. */
  get identities(): SpanIdentities | undefined {
    return this.#identities;
  }

  async readIdentities(signal?: AbortSignal): Promise<SpanIdentities> {
    const columns = [COLUMN.spanId, COLUMN.kind];
    const sections = await sectionsOf(
      this.#access,
      this.#whole,
      columns.map((column) => this.#access.chunkRange(column)),
      signal,
    );
    const count = this.spanOffsets[this.rowCount];
    const ids = idColumn(this.#access.reader(COLUMN.spanId, [sections[0]]), 8, count);
    const kinds = byteInts(this.#access.reader(COLUMN.kind, [sections[1]]), count);
    if (this.#whole === undefined) releaseSections(sections);
    this.#identities = { ids: new Uint32Array(ids.buffer, 0, count * 2), kinds };
    return this.#identities;
  }

  /**
   * What a trace may take as OTLP, more than it does: counts by the longest string of each column. Its pages must be loaded.
   */
  bytesAtMost(row: number): number {
    const { nests } = this;
    const count = (nest: number): number => nests[nest].rowValues[row + 1] - nests[nest].rowValues[row];
    this.#bounds ??= this.#boundsOf();
    const { base, perElement } = this.#bounds;
    return perElement.reduce((bytes, { nest, bytes: each }) => bytes + count(nest) * each, base);
  }

  /** Reads the pages of the rows wanted, in all columns; rows before the last ones wanted are not asked for again. */
  async load(rows: RowRanges, signal?: AbortSignal): Promise<void> {
    const wanted: { column: number; fromRow: number; toRow: number }[] = [];
    const ranges: ByteRange[] = [];
    for (let column = 0; column < COLUMN_COUNT; column++) {
      if (this.#access.isNull(column) || this.constant(column) !== undefined) continue;
      const dictionary = this.#access.dictionaryRange(column);
      const isPaged = this.#indexes[column] !== undefined;
      if (isPaged && dictionary && !this.#dictionaries.has(column)) {
        wanted.push({ column, fromRow: -1, toRow: -1 });
        ranges.push(dictionary);
      }
      for (const run of this.#missingPages(column, rows)) {
        wanted.push({ column, ...run });
        ranges.push(run.range);
      }
    }
    const sections = await sectionsOf(this.#access, this.#whole, ranges, signal);
    const end = rows.count === 0 ? 0 : rows.to[rows.count - 1];
    if (this.#whole === undefined) this.#read.push(...sections);
    wanted.forEach(({ column, fromRow, toRow }, i) => {
      const partial = this.#indexes[column] !== undefined;
      // Pages that are kept for the next rows do not keep what was read with them.
      const own = this.#whole === undefined && toRow > end ? sections[i].bytes.slice() : undefined;
      const reader = this.#access.reader(column, [own ? { offset: sections[i].offset, bytes: own } : sections[i]], {
        dictionary: this.#dictionaries.get(column),
        partial,
      });
      if (fromRow < 0) this.#dictionaries.set(column, reader.dictionary);
      else this.#parts.set(column, [...this.parts(column), { fromRow, toRow, reader, own }]);
    });
  }

  /** Gives back what was read for rows that are copied in all columns. */
  releaseRead(): void {
    releaseSections(this.#read);
    this.#read.length = 0;
  }

  /** The value that a required column has in all elements, PLAIN without length, where its bounds in the footer say that: then its pages are not read. */
  constant(column: number): Uint8Array | undefined {
    const { type, statistics } = this.#access.chunk(column).meta;
    const { minValue: min, maxValue: max } = statistics ?? {};
    if (!min || !max || !CONSTANT_TYPES.has(type) || !isRequired(column) || UNIQUE.has(column)) return undefined;
    return min.length === max.length && equalBytes(min, 0, max, 0, min.length) ? min : undefined;
  }

  /** What is loaded of a column, ascending. */
  parts(column: number): readonly ColumnPart[] {
    return this.#parts.get(column) ?? NO_PARTS;
  }

  /** Rows before `row` are copied in this column: nothing of them is in use any more. */
  release(column: number, row: number): void {
    const parts = this.#parts.get(column);
    if (parts === undefined) return;
    const kept = parts.filter((part) => part.toRow > row);
    for (const { toRow, reader, own } of parts) {
      if (toRow > row) continue;
      reader.release();
      if (own) releaseMemory(own);
    }
    if (kept.length === 0) this.#parts.delete(column);
    else this.#parts.set(column, kept);
  }

  /** Of the strings of spans and events. */
  #boundsOf(): ByteBounds {
    let base = 0;
    const bytes = new Map<number, number>([
      [SPAN_NEST, SPAN_BYTES],
      [EVENT_NEST, SPAN_BYTES],
    ]);
    for (const { index: column, type } of LEAVES) {
      const nest = NEST_OF[column];
      if (type !== PhysicalType.BYTE_ARRAY || this.#access.isNull(column) || !LISTS_OF_SPAN.has(nest)) continue;
      const dictionary = this.#dictionaries.get(column);
      if (dictionary instanceof ByteDictionary) bytes.set(nest, (bytes.get(nest) ?? 0) + ATTR_BYTES + longest(dictionary));
      else if (column !== COLUMN.spanId && column !== COLUMN.parentId) base += this.#access.chunk(column).meta.totalUncompressedSize;
    }
    return { base, perElement: [...bytes].map(([nest, each]) => ({ nest, bytes: each })) };
  }

  /** Pages that hold rows wanted and are not loaded yet, in runs. The page that goes beyond the last row makes a run of its own: it is kept for the next rows. */
  #missingPages(column: number, { count, from, to }: RowRanges): { fromRow: number; toRow: number; range: ByteRange }[] {
    if (count === 0) return [];
    const index = this.#indexes[column];
    const known = this.parts(column);
    if (index === undefined) return known.length > 0 ? [] : [{ fromRow: 0, toRow: this.rowCount, range: this.#access.chunkRange(column) }];
    const { pages } = index;
    const end = to[count - 1];
    const loadedTo = known.at(-1)?.toRow ?? 0;
    const runs: { fromRow: number; toRow: number; range: { offset: number; length: number } }[] = [];
    let run = 0;
    for (let p = 0; p < pages.length; p++) {
      const fromRow = pages[p].firstRowIndex;
      const toRow = p + 1 < pages.length ? pages[p + 1].firstRowIndex : this.rowCount;
      if (fromRow >= end) break;
      while (run < count && to[run] <= fromRow) run++;
      if (fromRow < loadedTo || from[run] >= toRow) continue;
      const { offset, compressedPageSize: length } = pages[p];
      const last = runs.at(-1);
      if (last && last.toRow === fromRow && last.range.offset + last.range.length === offset && toRow <= end) {
        last.toRow = toRow;
        last.range.length += length;
      } else runs.push({ fromRow, toRow, range: { offset, length } });
    }
    return runs;
  }
}

function longest({ ends }: ByteDictionary): number {
  let most = 0;
  for (let i = 0, start = 0; i < ends.length; start = ends[i++]) if (ends[i] - start > most) most = ends[i] - start;
  return most;
}

/** All of a row group of up to `wholeBytes`. */
async function readWhole(access: RowGroupAccess, wholeBytes: number, signal?: AbortSignal): Promise<Section | undefined> {
  let from = Number.POSITIVE_INFINITY;
  let to = 0;
  for (let column = 0; column < COLUMN_COUNT; column++) {
    const { offset, length } = access.chunkRange(column);
    from = Math.min(from, offset);
    to = Math.max(to, offset + length);
  }
  if (to - from > wholeBytes) return undefined;
  const [section] = await access.fetch([{ offset: from, length: to - from }], signal);
  return section;
}

async function sectionsOf(access: RowGroupAccess, whole: Section | undefined, ranges: readonly ByteRange[], signal?: AbortSignal): Promise<readonly Section[]> {
  if (whole === undefined) return access.fetch(ranges, signal);
  return ranges.map(({ offset, length }) => ({ offset, bytes: whole.bytes.subarray(offset - whole.offset, offset - whole.offset + length) }));
}

/** As many entries as the list around it: each element of that one has one, so nothing new can be said by repetition levels. */
function isFlat(access: RowGroupAccess, nest: number): boolean {
  const { parent, column, depth } = NESTS[nest];
  if (depth < 2) return false;
  const around = NESTS[parent].column;
  return access.chunk(column).meta.numValues === access.chunk(around).meta.numValues;
}

/** Columns that must be read for the levels of lists. */
function levelColumns(access: RowGroupAccess): number[] {
  return NESTS.flatMap(({ column, depth }, nest) => (depth === 0 || (isFlat(access, nest) && access.isNull(column)) ? [] : [column]));
}

function readNests(access: RowGroupAccess, readers: ReadonlyMap<number, ColumnReader>): readonly SourceNest[] {
  const rows = access.group.numRows;
  const nests: SourceNest[] = [];
  for (let n = 0; n < NESTS.length; n++) {
    const { column, parent, depth } = NESTS[n];
    if (depth === 0) {
      const rowSlots = Uint32Array.from({ length: rows + 1 }, (_, row) => row);
      const levels: DecodedLevels = { count: rows, constant: 0, each: NO_LEVELS };
      nests.push({ repetition: levels, definition: levels, rowSlots, rowValues: rowSlots, isFlat: false });
      continue;
    }
    const flat = isFlat(access, n);
    const reader = readers.get(column);
    const repetition = flat ? nests[parent].repetition : reader?.repetition();
    // A list that is empty everywhere ends where the element around it does.
    const definition = reader ? reader.definition() : nests[parent].definition;
    if (repetition === undefined) throw new Error(`levels of column ${column} were not read`);
    const rowSlots = flat ? nests[parent].rowSlots : rowStarts(repetition, rows);
    if (rowSlots.length !== rows + 1) access.fail(column, `has not the levels of ${rows} rows`);
    nests.push({
      repetition,
      definition,
      rowSlots,
      rowValues: rowValues(definition, access.block.layout.leaves[column].maxDefinition, rowSlots),
      isFlat: flat,
    });
  }
  return nests;
}

const NO_LEVELS = new Uint8Array(0);

/** Where rows begin; of another length when there are not as many. */
function rowStarts({ constant, each, count }: DecodedLevels, rows: number): Uint32Array {
  if (constant >= 0) return constant === 0 ? Uint32Array.from({ length: count + 1 }, (_, row) => row) : NO_ROWS;
  const starts = new Uint32Array(rows + 1);
  let row = 0;
  for (let i = 0; i < count; i++) {
    if (each[i] !== 0) continue;
    if (row === rows) return NO_ROWS;
    starts[row++] = i;
  }
  if (row !== rows || each[0] !== 0) return NO_ROWS;
  starts[rows] = count;
  return starts;
}

const NO_ROWS = new Uint32Array(0);

function rowValues({ constant, each }: DecodedLevels, max: number, rowSlots: Uint32Array): Uint32Array {
  if (constant === max) return rowSlots;
  const out = new Uint32Array(rowSlots.length);
  if (constant >= 0) return out;
  let values = 0;
  for (let row = 0; row + 1 < rowSlots.length; row++) {
    for (let i = rowSlots[row]; i < rowSlots[row + 1]; i++) values += +(each[i] === max);
    out[row + 1] = values;
  }
  return out;
}
