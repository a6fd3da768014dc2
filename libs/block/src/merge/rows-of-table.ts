import { MemoryObjectStore } from '@vivace/object-store';
import { MemorySink } from '@vivace/parquet';
import type { SpanTable, TraceOrder } from '@vivace/trace';
import type { BlockMeta } from '../meta.ts';
import { BlockCache } from '../read/block-cache.ts';
import { openLayout, RowGroupAccess } from '../read/block-layout.ts';
import { BlockWriter } from '../write/block-writer.ts';
import { MergeRows } from './merge-rows.ts';

/** Traces of a table as rows to be copied into a block with the dedicated columns of `like`, whose name errors have. */
export async function rowsOfTable(table: SpanTable, order: TraceOrder, like: BlockMeta): Promise<MergeRows> {
  const sink = new MemorySink();
  const { blockId, tenantId, dedicatedColumns } = like;
  const writer = new BlockWriter(sink, { blockId, tenantId, dedicatedColumns });
  writer.writeRowGroup(table, order);
  const { meta } = writer.finish();
  const bytes = sink.bytes();
  const source = {
    name: `${tenantId}/${blockId}/traces put together`,
    size: bytes.length,
    read: (offset: number, length: number) => Promise.resolve(bytes.slice(offset, offset + length)),
  };
  const cache = new BlockCache();
  const layout = await openLayout(source, meta, cache);
  return MergeRows.open(new RowGroupAccess({ folder: source.name, meta, store: new MemoryObjectStore(), source, layout, cache, checkCrc: false }, 0));
}
