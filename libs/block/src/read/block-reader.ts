import { AppError } from '@vivace/base';
import { decodeUtf8 } from '@vivace/bytes';
import type { ObjectStore } from '@vivace/object-store';
import { SpanTable } from '@vivace/trace';
import type { SpanColumns } from '@vivace/trace';
import { BloomFilter, bloomShard } from '../bloom.ts';
import { MergeRows } from '../merge/merge-rows.ts';
import type { BlockMeta } from '../meta.ts';
import { parseRowGroupIndex } from '../row-group-index.ts';
import { BlockCache } from './block-cache.ts';
import type { BlockFileAccess } from './block-layout.ts';
import { missingIsLoss, objectSource, openLayout, RowGroupAccess } from './block-layout.ts';
import { BlockSpanColumns } from './block-span-columns.ts';
import { ColumnSet, loadChunks } from './column-set.ts';
import { appendToSpanTable, TABLE_COLUMNS } from './to-span-table.ts';
import { COLUMN } from './columns.ts';
import { loadRows } from './row-selection.ts';
import type { WantedRows } from './row-selection.ts';
import { findTraceRow, readRow } from './trace-lookup.ts';
import type { TraceRow } from './trace-lookup.ts';

const ID_BYTES = 16;

export interface OpenBlockOptions {
  readonly store: ObjectStore;
  readonly tenant: string;
  readonly meta: BlockMeta;
  /** Shared between blocks. Left out, the reader keeps a small one of its own. */
  readonly cache?: BlockCache;
  /** Check page CRCs where there are any. Default true. */
  readonly checkCrc?: boolean;
  /** Called before every read of the data: between two pieces of work. */
  readonly beforeRead?: (() => void) | undefined;
  readonly signal?: AbortSignal;
}

/** An open block. Stateless but for caches: any number of reads may run at once. All methods reject with `data_loss` naming object and offset when the block is damaged. */
export interface BlockReader {
  readonly meta: BlockMeta;
  readonly rowGroupCount: number;
  /** A row group for the query engine; each call gives a fresh, unloaded one. */
  columns(rowGroup: number): SpanColumns;
  /** False only when the trace with this 16-byte id is not in the block. Asks the bloom filter. */
  mayHaveTrace(id: Uint8Array, signal?: AbortSignal): Promise<boolean>;
  /** Asks the bloom filter and the ids. */
  hasTrace(id: Uint8Array, signal?: AbortSignal): Promise<boolean>;
  /** The trace with this 16-byte id as a table of its own, or undefined. */
  findTrace(id: Uint8Array, signal?: AbortSignal): Promise<SpanTable | undefined>;
  /** A whole row group, everything preserved, in the order stored. */
  readRowGroup(rowGroup: number, signal?: AbortSignal): Promise<SpanTable>;
  /** The traces of some ascending rows of a row group, everything preserved. */
  readTraces(rowGroup: number, rows: Uint32Array, signal?: AbortSignal): Promise<SpanTable>;
  /** A row group from which rows are to be copied into another block. */
  mergeRows(rowGroup: number, signal?: AbortSignal): Promise<MergeRows>;
  /** The last trace id of each row group, 16 bytes each; undefined when neither footer nor `index` tells. */
  lastIds(signal?: AbortSignal): Promise<Uint8Array | undefined>;
}

/** Reads and checks the footer. Rejects with `unimplemented` naming the version when the block is not vParquet4. */
export async function openBlock(options: OpenBlockOptions): Promise<BlockReader> {
  const { store, tenant, meta, signal } = options;
  const folder = `${tenant}/${meta.blockId}`;
  const cache = options.cache ?? new BlockCache();
  const source = objectSource(store, `${folder}/data.parquet`, meta.size, options.beforeRead);
  const layout = await openLayout(source, meta, cache, signal);
  return new StoredBlock({ folder, meta, store, source, layout, cache, checkCrc: options.checkCrc ?? true });
}

class StoredBlock implements BlockReader {
  readonly meta: BlockMeta;
  readonly rowGroupCount: number;
  readonly #access: BlockFileAccess;

  constructor(access: BlockFileAccess) {
    this.#access = access;
    this.meta = access.meta;
    this.rowGroupCount = access.layout.file.meta.rowGroups.length;
  }

  columns(rowGroup: number): SpanColumns {
    return new BlockSpanColumns(new RowGroupAccess(this.#access, rowGroup));
  }

  async mayHaveTrace(id: Uint8Array, signal?: AbortSignal): Promise<boolean> {
    return (await this.#bloom(id, signal)).mayContain(id);
  }

  async hasTrace(id: Uint8Array, signal?: AbortSignal): Promise<boolean> {
    return (await this.#findRow(id, signal)) !== undefined;
  }

  async findTrace(id: Uint8Array, signal?: AbortSignal): Promise<SpanTable | undefined> {
    const found = await this.#findRow(id, signal);
    if (found === undefined) return undefined;
    const table = new SpanTable();
    appendToSpanTable(await readRow(found, signal), this.meta, table);
    return table;
  }

  async readRowGroup(rowGroup: number, signal?: AbortSignal): Promise<SpanTable> {
    const access = new RowGroupAccess(this.#access, rowGroup);
    const set = new ColumnSet(access);
    await loadChunks(access, set, set.wanting(TABLE_COLUMNS), signal);
    const table = new SpanTable();
    appendToSpanTable(set, this.meta, table);
    return table;
  }

  async readTraces(rowGroup: number, rows: Uint32Array, signal?: AbortSignal): Promise<SpanTable> {
    const access = new RowGroupAccess(this.#access, rowGroup);
    const wanted: WantedRows[] = [];
    for (let i = 0, to = 1; i < rows.length; i = to++) {
      while (to < rows.length && rows[to] === rows[to - 1] + 1) to++;
      const set = new ColumnSet(access, to - i);
      wanted.push({ row: rows[i], set, columns: set.wanting(TABLE_COLUMNS) });
    }
    await loadRows(access, wanted, signal);
    const table = new SpanTable();
    for (const { set } of wanted) appendToSpanTable(set, this.meta, table);
    return table;
  }

  mergeRows(rowGroup: number, signal?: AbortSignal): Promise<MergeRows> {
    return MergeRows.open(new RowGroupAccess(this.#access, rowGroup), signal);
  }

  async lastIds(signal?: AbortSignal): Promise<Uint8Array | undefined> {
    const out = new Uint8Array(this.rowGroupCount * ID_BYTES);
    for (let g = 0; g < this.rowGroupCount; g++) {
      const last = new RowGroupAccess(this.#access, g).chunk(COLUMN.traceId).meta.statistics?.maxValue;
      if (last?.length !== ID_BYTES) return this.#indexedIds(signal);
      out.set(last, g * ID_BYTES);
    }
    return out;
  }

  async #findRow(id: Uint8Array, signal: AbortSignal | undefined): Promise<TraceRow | undefined> {
    if (!(await this.mayHaveTrace(id, signal))) return undefined;
    return findTraceRow(this.#access, id, () => this.#indexedIds(signal), signal);
  }

  async #bloom(id: Uint8Array, signal: AbortSignal | undefined): Promise<BloomFilter> {
    const { cache, store, folder } = this.#access;
    // A meta without the count is of a time when there were always ten.
    const name = `${folder}/bloom-${bloomShard(id, 0, this.meta.bloomShards || 10)}`;
    const cached = cache.blooms.get(name);
    if (cached) return cached;
    const bytes = await store.get(name, signal).catch(missingIsLoss);
    const filter = new BloomFilter(bytes, name);
    cache.blooms.set(name, filter, bytes.length);
    return filter;
  }

  /** The `index` file, or undefined when the block has none. */
  async #indexedIds(signal: AbortSignal | undefined): Promise<Uint8Array | undefined> {
    const { store, folder } = this.#access;
    try {
      const bytes = await store.get(`${folder}/index`, signal);
      const ids = parseRowGroupIndex(decodeUtf8(bytes, 0, bytes.length), `${folder}/index`);
      return ids.length === this.rowGroupCount * ID_BYTES ? ids : undefined;
    } catch (reason) {
      if (AppError.from(reason).code === 'not_found') return undefined;
      throw reason;
    }
  }
}
