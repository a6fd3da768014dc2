import { assert } from '@vivace/base';
import { compareBytes } from '@vivace/bytes';
import { ParquetWriter } from '@vivace/parquet';
import type { ByteSink } from '@vivace/parquet';
import { summariseTraces, TimeBounds } from '@vivace/trace';
import type { SpanTable, TraceOrder, TraceSummary } from '@vivace/trace';
import { buildBlooms, DEFAULT_BLOOM } from '../bloom.ts';
import type { BloomOptions } from '../bloom.ts';
import { ColumnMerger } from '../merge/merge-columns.ts';
import type { MergePlan } from '../merge/merge-plan.ts';
import { dedicatedNames } from '../meta.ts';
import type { BlockMeta, DedicatedColumn } from '../meta.ts';
import { formatRowGroupIndex } from '../row-group-index.ts';
import { SCHEMA, VPARQUET4 } from '../schema.ts';
import { ColumnWriter } from './column-writer.ts';
import { writeResourceColumns, writeScopeColumns } from './resource-columns.ts';
import { shapeOf } from './row-group-shape.ts';
import { writeSpanColumns } from './span-columns.ts';
import { writeTraceColumns } from './trace-columns.ts';

const ID_BYTES = 16;
const CREATED_BY = 'vivace';

export interface BlockWriterOptions {
  readonly blockId: string;
  readonly tenantId: string;
  /** String attributes with a column of their own, at most ten per scope. The list becomes part of the meta. */
  readonly dedicatedColumns: readonly DedicatedColumn[];
  readonly bloom?: BloomOptions;
  readonly compactionLevel?: number;
  readonly replicationFactor?: number;
  readonly compactedFrom?: readonly string[];
}

/** A finished block, but for data.parquet which went to the sink. */
export interface FinishedBlock {
  readonly meta: BlockMeta;
  /** The files `bloom-0`, `bloom-1`, … */
  readonly blooms: readonly Uint8Array[];
  /** The file `index`. */
  readonly index: string;
}

/** Writes one vParquet4 block (docs/format/block.md). Traces must ascend by id over all row groups. Synchronous: runs in a worker thread. */
export class BlockWriter {
  readonly #options: BlockWriterOptions;
  readonly #parquet: ParquetWriter;
  readonly #columns: ColumnWriter;
  #merger: ColumnMerger | undefined;
  readonly #resourceKeys: readonly string[];
  readonly #spanKeys: readonly string[];
  #traceIds = new Uint8Array(1024 * ID_BYTES);
  #traces = 0;
  /** Last trace id of each row group, back to back. */
  readonly #lastIds: number[] = [];
  readonly #times = new TimeBounds();

  constructor(sink: ByteSink, options: BlockWriterOptions) {
    this.#options = options;
    this.#parquet = new ParquetWriter(sink, SCHEMA, { createdBy: CREATED_BY, pageVersion: 1 });
    this.#columns = new ColumnWriter(this.#parquet);
    this.#resourceKeys = dedicatedNames(options.dedicatedColumns, 'resource');
    this.#spanKeys = dedicatedNames(options.dedicatedColumns, 'span');
  }

  /** Bytes of trace ids, bloom input and page indexes grow with the block; the rest is freed after each call. Borrows table and order. */
  writeRowGroup(table: SpanTable, order: TraceOrder): void {
    assert(order.traceCount > 0 && order.spans.length > 0, 'row group without spans');
    this.#reserveIds(order.traceCount);
    for (let t = 0; t < order.traceCount; t++) this.#takeId(table.traceId, order.traces[t]);
    this.#endIds();
    const summary = summariseTraces(table, order);
    this.#widen(summary);
    const shape = shapeOf(table, order);
    this.#columns.begin(table.strings);
    writeTraceColumns(this.#columns, shape, summary);
    writeResourceColumns(this.#columns, shape, this.#resourceKeys);
    writeScopeColumns(this.#columns, shape);
    writeSpanColumns(this.#columns, shape, this.#spanKeys);
    this.#parquet.endRowGroup(order.traceCount);
  }

  /** Writes a row group of rows copied from other blocks, which must be loaded and are given back. The blocks must have the same dedicated columns as this one. */
  writeMergedRows(plan: MergePlan): void {
    assert(plan.rowCount > 0, 'row group without rows');
    this.#reserveIds(plan.rowCount);
    for (let run = 0; run < plan.runCount; run++) {
      const { traceIds } = plan.sources[plan.source[run]];
      for (let row = plan.from[run]; row < plan.to[run]; row++) this.#takeId(traceIds, row);
    }
    this.#endIds();
    this.#merger ??= new ColumnMerger(this.#columns);
    this.#merger.write(plan, this.#times);
    this.#parquet.endRowGroup(plan.rowCount);
  }

  /** Completes data.parquet and yields the other files. */
  finish(): FinishedBlock {
    const file = this.#parquet.finish();
    const { blockId, tenantId, dedicatedColumns, bloom = DEFAULT_BLOOM, compactionLevel = 0, replicationFactor = 0, compactedFrom = [] } = this.#options;
    const blooms = buildBlooms(this.#traceIds, this.#traces, bloom);
    const meta: BlockMeta = {
      format: VPARQUET4,
      blockId,
      tenantId,
      startMs: this.#times.startMs,
      endMs: this.#times.endMs,
      totalObjects: file.rows,
      size: file.size,
      compactionLevel,
      totalRecords: file.rowGroups,
      bloomShards: blooms.length,
      footerSize: file.footerSize,
      dedicatedColumns,
      replicationFactor,
      compactedFrom,
    };
    return { meta, blooms, index: formatRowGroupIndex(Uint8Array.from(this.#lastIds)) };
  }

  #reserveIds(more: number): void {
    const need = (this.#traces + more) * ID_BYTES;
    if (need <= this.#traceIds.length) return;
    const grown = new Uint8Array(need * 2);
    grown.set(this.#traceIds);
    this.#traceIds = grown;
  }

  #takeId(bytes: Uint8Array, row: number): void {
    const ids = this.#traceIds;
    const at = this.#traces * ID_BYTES;
    for (let i = 0, from = row * ID_BYTES; i < ID_BYTES; i++) ids[at + i] = bytes[from + i];
    assert(this.#traces === 0 || compareBytes(ids, at - ID_BYTES, ids, at, ID_BYTES) < 0, 'traces of a block must ascend by id');
    this.#traces++;
  }

  /** The last id taken is the last of its row group. */
  #endIds(): void {
    for (let i = 0, at = (this.#traces - 1) * ID_BYTES; i < ID_BYTES; i++) this.#lastIds.push(this.#traceIds[at + i]);
  }

  #widen({ start, duration }: TraceSummary): void {
    for (let t = 0; t < duration.length; t++) this.#times.add(start[t * 2], start[t * 2 + 1], duration[t]);
  }
}
